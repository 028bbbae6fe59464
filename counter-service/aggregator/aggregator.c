#include "counter-service/aggregator/aggregator.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/thread/background.h"
#include "counter-service/aggregator/aggregator_all.h"

struct aggregator {
    struct background background;
    /* owned by the aggregator's thread while that runs */
    struct aggregator_all all;
    /* guarded by lock, under which no other is taken */
    pthread_mutex_t lock;
    struct aggregator_state state;
};

static void tell_state(struct aggregator *aggregator)
{
    struct aggregator_state state;
    aggregator_all_state(&aggregator->all, &state);
    pthread_mutex_lock(&aggregator->lock);
    aggregator->state = state;
    pthread_mutex_unlock(&aggregator->lock);
}

static void run(void *ctx)
{
    struct aggregator *aggregator = ctx;
    int pause_ms;
    do {
        pause_ms = aggregator_all_turn(&aggregator->all);
        tell_state(aggregator);
    } while (pause_ms > 0 ? background_pause(&aggregator->background, pause_ms)
                          : !background_is_stopping(&aggregator->background));
    aggregator_all_finish(&aggregator->all);
}

void aggregator_read_state(struct aggregator *aggregator, struct aggregator_state *ret_state)
{
    if (aggregator == NULL) {
        *ret_state = (struct aggregator_state){.role = AGGREGATOR_OFF};
        return;
    }
    pthread_mutex_lock(&aggregator->lock);
    *ret_state = aggregator->state;
    pthread_mutex_unlock(&aggregator->lock);
}

/* ---- metrics ---- */

static double read_waiting(void *ctx)
{
    struct aggregator_state state;
    aggregator_read_state(ctx, &state);
    return (double)state.waiting;
}

static double read_lag(void *ctx)
{
    struct aggregator_state state;
    aggregator_read_state(ctx, &state);
    return (double)state.lag_ms / 1000;
}

static double read_leads(void *ctx)
{
    struct aggregator_state state;
    aggregator_read_state(ctx, &state);
    return (double)state.led;
}

static double read_partitions(void *ctx)
{
    struct aggregator_state state;
    aggregator_read_state(ctx, &state);
    return (double)state.partitions;
}

/* ---- start and end ---- */

int aggregator_start(const struct config *config, struct topology *topology, struct aggregator **ret_aggregator,
                     struct error *error)
{
    *ret_aggregator = NULL;
    if (config->ranking_count == 0) {
        return 0;
    }
    struct aggregator *aggregator = calloc(1, sizeof(*aggregator));
    if (aggregator == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    aggregator_all_init(&aggregator->all, config, topology);
    pthread_mutex_init(&aggregator->lock, NULL);
    if (background_start(&aggregator->background, "aggregator", run, aggregator, error) != 0) {
        aggregator_all_done(&aggregator->all);
        pthread_mutex_destroy(&aggregator->lock);
        free(aggregator);
        return -1;
    }
    aggregator_metrics_register_readers(
        &(struct aggregator_metrics_readers){read_waiting, read_lag, read_leads, read_partitions}, aggregator);
    *ret_aggregator = aggregator;
    return 0;
}

void aggregator_stop(struct aggregator *aggregator)
{
    if (aggregator == NULL) {
        return;
    }
    aggregator_metrics_unregister_readers();
    background_join(&aggregator->background);
    aggregator_all_done(&aggregator->all);
    pthread_mutex_destroy(&aggregator->lock);
    free(aggregator);
}
