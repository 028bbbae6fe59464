/* Waiting for what another thread or process does: until it is so, and never without an end. A wait in vain fails the
 * test and says for what. The test's thread only. */
#ifndef TALLY_TESTS_FAKES_WAIT_FOR_H
#define TALLY_TESTS_FAKES_WAIT_FOR_H

#include <semaphore.h>
#include <stdint.h>

#include "common/base/clock.h"

/* Far more than anything takes: a shared machine may stand still for seconds. */
#define WAIT_FOR_MAX_US (INT64_C(20) * 1000 * 1000)

/* Looks at condition each millisecond until it holds. */
#define WAIT_FOR(condition) \
    do { \
        const int64_t give_up_us_ = clock_monotonic_us() + WAIT_FOR_MAX_US; \
        while (!(condition)) { \
            wait_for_pause(give_up_us_, #condition, __FILE__, __LINE__); \
        } \
    } while (0)

/* sem_wait. */
#define WAIT_FOR_SEM(semaphore) wait_for_sem((semaphore), #semaphore, __FILE__, __LINE__)

void wait_for_pause(int64_t give_up_us, const char *condition, const char *file, int line);
void wait_for_sem(sem_t *semaphore, const char *name, const char *file, int line);

#endif
