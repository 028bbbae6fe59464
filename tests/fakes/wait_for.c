#include "tests/fakes/wait_for.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void fail_in_vain(const char *what, const char *file, int line)
{
    print_error("waited in vain for: %s\n", what);
    _fail(file, line);
}

void wait_for_pause(int64_t give_up_us, const char *condition, const char *file, int line)
{
    if (clock_monotonic_us() > give_up_us) {
        fail_in_vain(condition, file, line);
    }
    usleep(1000);
}

void wait_for_sem(sem_t *semaphore, const char *name, const char *file, int line)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(WAIT_FOR_MAX_US / 1000000);
    while (sem_timedwait(semaphore, &until) != 0) {
        if (errno != EINTR) {
            fail_in_vain(name, file, line);
        }
    }
}
