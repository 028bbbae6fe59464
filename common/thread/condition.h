/* Condition variables whose waits end by the monotonic clock: setting the machine's time neither shortens nor stretches
 * them. Signalled and destroyed as any other. */
#ifndef TALLY_COMMON_THREAD_CONDITION_H
#define TALLY_COMMON_THREAD_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"

/* Cannot fail on Linux (pthread_cond_init(3)). */
void condition_init(pthread_cond_t *condition);
/* Waits for a signal, with lock held, until until_us (monotonic; INT64_MAX: for ever). Returns false once until_us
 * has passed. After true the caller checks what it waits for, and waits again if that has not come: a wait may end for
 * nothing. */
bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us) MUST_CHECK;

#endif
