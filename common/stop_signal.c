#include "common/stop_signal.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

int stop_signal_block(struct error *error)
{
    const sigset_t set = stop_signals();
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    int failure = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (failure == 0 && sigaction(SIGPIPE, &ignore, NULL) != 0) {
        failure = errno;
    }
    if (failure != 0) {
        error_set(error, "cannot set up signals: %s", strerror(failure));
        return -1;
    }
    return 0;
}

static void exit_at_once(int number)
{
    _exit(128 + number);
}

/* A handler of our own, because the default action does nothing to a process that is PID 1 of a container. */
static void arm_second_signal(void)
{
    const sigset_t set = stop_signals();
    const struct sigaction action = {.sa_handler = exit_at_once};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Returns a signal's number, or -1 as sigtimedwait does. */
static int wait_until(const sigset_t *set, int64_t deadline_us)
{
    if (deadline_us == INT64_MAX) {
        return sigwaitinfo(set, NULL);
    }
    const int64_t left_us = deadline_us - clock_monotonic_us();
    const int64_t wait_us = left_us > 0 ? left_us : 0;
    const struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    return sigtimedwait(set, NULL, &wait);
}

int stop_signal_wait(int timeout_ms)
{
    const sigset_t set = stop_signals();
    const int64_t deadline_us = timeout_ms < 0 ? INT64_MAX : clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    int number;
    do {
        number = wait_until(&set, deadline_us);
    } while (number < 0 && errno == EINTR);
    if (number <= 0) {
        return 0;
    }
    arm_second_signal();
    return number;
}
