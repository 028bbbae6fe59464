#include "common/metrics/metrics_exemplars.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "common/base/clock.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* no other is taken while it is held */
static struct kept_exemplar kept[METRIC_SLOTS_MAX];      /* guarded by lock; pages never written to take no memory */

void metrics_exemplars_keep(uint32_t slot, double value, const struct trace_context *trace)
{
    assert(slot < METRIC_SLOTS_MAX);
    const struct kept_exemplar fresh = {.of = *trace, .value = value, .time_us = clock_realtime_us()};
    if (pthread_mutex_trylock(&lock) == 0) {
        kept[slot] = fresh;
        pthread_mutex_unlock(&lock);
    }
}

void metrics_exemplars_copy(uint32_t first, size_t count, struct kept_exemplar *out)
{
    assert(first <= METRIC_SLOTS_MAX && count <= METRIC_SLOTS_MAX - first);
    pthread_mutex_lock(&lock);
    memcpy(out, &kept[first], count * sizeof(*out));
    pthread_mutex_unlock(&lock);
}
