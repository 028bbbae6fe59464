#include "counter-service/outbox/relay.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/thread/background.h"
#include "counter-service/kafka/kafka_settings.h"
#include "counter-service/outbox/relay_run.h"

/* At shutdown: what is not acknowledged by then is published again by another instance, or after the next start. */
enum { FINISH_MS = 1000 };

struct relay {
    struct background background;
    /* owned by the relay's thread while that runs */
    struct relay_run run;
    /* guarded by lock, under which no other is taken */
    pthread_mutex_t lock;
    struct relay_state state;
};

static void tell_state(struct relay *relay)
{
    struct relay_state state;
    relay_run_state(&relay->run, &state);
    pthread_mutex_lock(&relay->lock);
    relay->state = state;
    pthread_mutex_unlock(&relay->lock);
}

static void run(void *ctx)
{
    struct relay *relay = ctx;
    int pause_ms;
    do {
        pause_ms = relay_run_turn(&relay->run);
        tell_state(relay);
    } while (pause_ms > 0 ? background_pause(&relay->background, pause_ms)
                          : !background_is_stopping(&relay->background));
    relay_run_finish(&relay->run, FINISH_MS);
}

void relay_read_state(struct relay *relay, struct relay_state *ret_state)
{
    if (relay == NULL) {
        *ret_state = (struct relay_state){.role = RELAY_OFF};
        return;
    }
    pthread_mutex_lock(&relay->lock);
    *ret_state = relay->state;
    pthread_mutex_unlock(&relay->lock);
}

/* ---- metrics ---- */

static double read_waiting(void *ctx)
{
    struct relay_state state;
    relay_read_state(ctx, &state);
    return (double)state.waiting;
}

static double read_lag(void *ctx)
{
    struct relay_state state;
    relay_read_state(ctx, &state);
    return (double)state.lag_ms / 1000;
}

static double read_leads(void *ctx)
{
    struct relay_state state;
    relay_read_state(ctx, &state);
    return (double)state.led;
}

static double read_partitions(void *ctx)
{
    struct relay_state state;
    relay_read_state(ctx, &state);
    return (double)state.partitions;
}

/* ---- start and end ---- */

int relay_start(const struct config *config, struct topology *topology, struct relay **ret_relay, struct error *error)
{
    *ret_relay = NULL;
    if (config->kafka.broker_count == 0) {
        return 0;
    }
    if (kafka_settings_check(config, error) != 0) {
        return -1;
    }
    struct relay *relay = calloc(1, sizeof(*relay));
    if (relay == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    relay_run_init(&relay->run, config, topology);
    pthread_mutex_init(&relay->lock, NULL);
    if (background_start(&relay->background, "relay", run, relay, error) != 0) {
        relay_run_done(&relay->run);
        pthread_mutex_destroy(&relay->lock);
        free(relay);
        return -1;
    }
    relay_metrics_register_readers(&(struct relay_metrics_readers){read_waiting, read_lag, read_leads, read_partitions},
                                   relay);
    *ret_relay = relay;
    return 0;
}

void relay_stop(struct relay *relay)
{
    if (relay == NULL) {
        return;
    }
    relay_metrics_unregister_readers();
    background_join(&relay->background);
    relay_run_done(&relay->run);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}
