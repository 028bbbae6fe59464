#include "counter-service/store/store.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/store/store_metrics.h"
#include "counter-service/store/store_worker.h"

struct store {
    /* Immutable after create. */
    store_on_serving on_serving;
    void *ctx;
    struct topology *topology;
    struct redis_address redis;
    struct store_worker **workers;
    size_t worker_count;

    atomic_size_t next_worker;

    /* Guarded by report_lock, which is held while on_serving runs: reports come one by one and in order. So it comes
     * before a queue's lock and before those that on_serving takes. */
    pthread_mutex_t report_lock;
    bool reported_serving;
    char store_id[STORE_ID_SIZE]; /* of the connections in use, or of the last one; "": none yet */
    size_t admitted;              /* workers whose connection is in use */
};

/* Admits only connections to one store: what is read through one was written through another. */
static bool admit_worker(void *ctx, const char *store_id)
{
    struct store *store = ctx;
    pthread_mutex_lock(&store->report_lock);
    const bool may = store->admitted == 0 || strcmp(store->store_id, store_id) == 0;
    if (may) {
        snprintf(store->store_id, sizeof(store->store_id), "%s", store_id);
        store->admitted++;
    }
    pthread_mutex_unlock(&store->report_lock);
    return may;
}

static void on_worker_change(void *ctx, bool is_open)
{
    struct store *store = ctx;
    pthread_mutex_lock(&store->report_lock);
    assert(store->admitted > 0);
    store->admitted -= !is_open;
    const bool serving = store_is_serving(store, NULL, 0);
    if (serving != store->reported_serving) {
        store->reported_serving = serving;
        store->on_serving(store->ctx, serving, store->store_id);
    }
    pthread_mutex_unlock(&store->report_lock);
}

static double read_queue_length(void *ctx)
{
    const struct store *store = ctx;
    size_t queued = 0;
    for (size_t i = 0; i < store->worker_count; i++) {
        queued += store_queue_length(store_worker_queue(store->workers[i]));
    }
    return (double)queued;
}

static double read_up(void *ctx)
{
    return store_is_serving(ctx, NULL, 0) ? 1 : 0;
}

static int create_workers(struct store *store, const struct config *config, struct error *error)
{
    const size_t count = (size_t)config->redis.workers;
    store->workers = calloc(count, sizeof(struct store_worker *));
    if (store->workers == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    struct store_worker_options options = {
        .config = config,
        .redis = &store->redis,
        .queue_max = ((size_t)config->counter_service.queue + count - 1) / count,
        .metrics = store_metrics_register(),
        .admit = admit_worker,
        .on_change = on_worker_change,
        .ctx = store,
    };
    for (; store->worker_count < count; store->worker_count++) {
        options.index = (int)store->worker_count;
        store->workers[store->worker_count] = store_worker_create(&options);
        if (store->workers[store->worker_count] == NULL) {
            error_set(error, "out of memory");
            return -1;
        }
    }
    return 0;
}

struct store *store_create(const struct config *config, struct topology *topology, store_on_serving on_serving,
                           void *ctx, struct error *error)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&store->report_lock, NULL);
    store->on_serving = on_serving;
    store->ctx = ctx;
    store->topology = topology;
    if (!topology_find(topology, 0, &store->redis)) {
        error_set(error, "no Redis is known");
        goto fail;
    }
    if (create_workers(store, config, error) != 0) {
        goto fail;
    }
    /* All of them exist before the first one runs: a running worker asks for the state of all. */
    for (size_t i = 0; i < store->worker_count; i++) {
        if (store_worker_start(store->workers[i], error) != 0) {
            goto fail;
        }
    }
    store_metrics_register_readers(read_queue_length, read_up, store);
    return store;
fail:
    store_free(store);
    return NULL;
}

void store_free(struct store *store)
{
    if (store == NULL) {
        return;
    }
    store_metrics_unregister_readers();
    /* In three steps, because a running worker asks for the state of all, and none should wait for another's end. */
    for (size_t i = 0; i < store->worker_count; i++) {
        store_worker_stop(store->workers[i]);
    }
    for (size_t i = 0; i < store->worker_count; i++) {
        store_worker_join(store->workers[i]);
    }
    for (size_t i = 0; i < store->worker_count; i++) {
        store_worker_free(store->workers[i]);
    }
    free(store->workers);
    pthread_mutex_destroy(&store->report_lock);
    free(store);
}

void store_watch(const struct store *store, struct heartbeats *heartbeats)
{
    for (size_t i = 0; i < store->worker_count; i++) {
        heartbeats_add(heartbeats, "store", (int)i, store_worker_heartbeat(store->workers[i]));
    }
}

/* Round robin; the others are tried when a worker refuses. */
enum status store_submit(struct store *store, struct store_call *call)
{
    const size_t first = atomic_fetch_add_explicit(&store->next_worker, 1, memory_order_relaxed);
    enum status status = STATUS_REDIS_DOWN;
    for (size_t i = 0; i < store->worker_count && status != STATUS_OK; i++) {
        struct store_worker *worker = store->workers[(first + i) % store->worker_count];
        status = store_queue_put(store_worker_queue(worker), call);
    }
    return status;
}

int store_partitions(const struct store *store)
{
    return topology_partitions(store->topology);
}

bool store_is_serving(struct store *store, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < store->worker_count; i++) {
        if (!store_queue_is_open(store_worker_queue(store->workers[i]), reason, reason_size)) {
            return false;
        }
    }
    if (reason != NULL && reason_size > 0) {
        reason[0] = '\0';
    }
    return true;
}

bool store_refuses_writes(struct store *store, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < store->worker_count; i++) {
        if (store_queue_refuses_writes(store_worker_queue(store->workers[i]), reason, reason_size)) {
            return true;
        }
    }
    return false;
}

bool store_misses_events(const struct store *store)
{
    for (size_t i = 0; i < store->worker_count; i++) {
        if (store_worker_misses_events(store->workers[i])) {
            return true;
        }
    }
    return false;
}
