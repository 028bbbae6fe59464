#include "common/process/signals.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"

static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};
static const int ignored[] = {SIGPIPE, SIGUSR1, SIGUSR2, SIGPROF};

enum { STOP_COUNT = sizeof(stops) / sizeof(stops[0]), IGNORED_COUNT = sizeof(ignored) / sizeof(ignored[0]) };

static sigset_t stop_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < STOP_COUNT; i++) {
        sigaddset(&set, stops[i]);
    }
    return set;
}

static sigset_t awaited_set(void)
{
    sigset_t set = stop_set();
    sigaddset(&set, SIGHUP);
    return set;
}

/* Returns 0 or an errno. */
static int ignore_others(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < IGNORED_COUNT; i++) {
        if (sigaction(ignored[i], &ignore, NULL) != 0) {
            return errno;
        }
    }
    return 0;
}

int signals_block(struct error *error)
{
    const sigset_t set = awaited_set();
    int failure = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (failure == 0) {
        failure = ignore_others();
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
    const sigset_t set = stop_set();
    const struct sigaction action = {.sa_handler = exit_at_once};
    for (size_t i = 0; i < STOP_COUNT; i++) {
        sigaction(stops[i], &action, NULL);
    }
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

int signals_wait(int timeout_ms)
{
    const sigset_t set = awaited_set();
    const int64_t deadline_us = timeout_ms < 0 ? INT64_MAX : clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    int number;
    do {
        number = wait_until(&set, deadline_us);
    } while (number < 0 && errno == EINTR);
    if (number <= 0) {
        return 0;
    }
    if (number != SIGHUP) {
        arm_second_signal();
    }
    return number;
}
