#include "counter-service/store/store.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/store/store_metrics.h"
#include "counter-service/store/store_route.h"
#include "counter-service/store/store_split.h"

struct store {
    /* Immutable after create. */
    struct topology *topology;
    store_on_serving on_serving;
    void *ctx;
    struct store_owner owner;

    struct store_route route; /* has its own lock, before which report_lock comes */

    /* Guarded by report_lock, which is held while on_serving runs: reports come one by one and in order. So it comes
     * before a queue's lock and before those that on_serving takes. */
    pthread_mutex_t report_lock;
    bool reported_serving;
    char store_id[STORE_ID_SIZE]; /* of the connections in use, or of the last one; "": none yet */
    size_t admitted;              /* workers whose connection is in use */
};

static void report(struct store *store)
{
    pthread_mutex_lock(&store->report_lock);
    const bool serving = store_is_serving(store, NULL, 0);
    if (serving != store->reported_serving) {
        store->reported_serving = serving;
        store->on_serving(store->ctx, serving, store->store_id);
    }
    pthread_mutex_unlock(&store->report_lock);
}

static void on_topology(void *ctx)
{
    struct store *store = ctx;
    store_route_apply(&store->route);
    report(store);
}

/* ---- what workers ask ---- */

static bool assign(void *ctx, struct store_node *node, bool is_busy, struct store_assignment *ret_assignment)
{
    struct store *store = ctx;
    return store_route_assign(&store->route, node, is_busy, ret_assignment);
}

static void rest(void *ctx, struct store_node *node)
{
    struct store *store = ctx;
    store_route_rest(&store->route, node);
}

static int check_member(void *ctx, struct redis_conn *conn, struct error *error)
{
    struct store *store = ctx;
    return topology_check_member(store->topology, conn, error);
}

/* Admits only connections to one store: what is read through one was written through another. */
static bool admit(void *ctx, const char *store_id)
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
    pthread_mutex_unlock(&store->report_lock);
    report(store);
}

static void suspect(void *ctx)
{
    const struct store *store = ctx;
    topology_suspect(store->topology);
}

static void moved(void *ctx, int partition, const struct redis_address *address)
{
    const struct store *store = ctx;
    topology_moved(store->topology, partition, address);
}

static bool is_at(void *ctx, const struct store_node *node, int partition)
{
    const struct store *store = ctx;
    return store_route_of(&store->route, partition) == node;
}

static enum status put_on(struct store_node *node, struct store_call *calls)
{
    return node != NULL ? store_node_put(node, calls) : STATUS_REDIS_DOWN;
}

static enum status put(void *ctx, struct store_call *call)
{
    const struct store *store = ctx;
    return put_on(store_route_of(&store->route, call->partition), call);
}

static enum status put_at(void *ctx, const struct redis_address *address, struct store_call *call)
{
    struct store *store = ctx;
    return put_on(store_route_at(&store->route, address), call);
}

/* ---- start and end ---- */

static double read_queue_length(void *ctx)
{
    const struct store *store = ctx;
    const size_t count = atomic_load(&store->route.node_count);
    size_t queued = 0;
    for (size_t i = 0; i < count; i++) {
        queued += store_node_queue_length(store->route.nodes[i]);
    }
    return (double)queued;
}

static double read_up(void *ctx)
{
    return store_is_serving(ctx, NULL, 0) ? 1 : 0;
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
    store->topology = topology;
    store->on_serving = on_serving;
    store->ctx = ctx;
    store->owner = (struct store_owner){assign, rest, check_member, admit, on_worker_change, suspect, moved,
                                        is_at,  put,  put_at,       store};
    if (store_route_init(&store->route, config, topology, &store->owner, store_metrics_register()) != 0) {
        error_set(error, "out of memory");
        store_route_done(&store->route);
        pthread_mutex_destroy(&store->report_lock);
        free(store);
        return NULL;
    }
    store_metrics_register_readers(read_queue_length, read_up, store);
    topology_follow(topology, on_topology, store);
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL) {
        return;
    }
    store_metrics_unregister_readers();
    topology_follow(store->topology, NULL, NULL);
    store_route_stop(&store->route);
    store_route_done(&store->route);
    pthread_mutex_destroy(&store->report_lock);
    free(store);
}

void store_watch(const struct store *store, struct heartbeats *heartbeats)
{
    store_route_watch(&store->route, heartbeats);
}

/* ---- submitting ---- */

struct submission {
    struct store_split *split;
    struct store_node *nodes[PARTITIONS_MAX]; /* of each part */
    bool is_given[PARTITIONS_MAX];
};

/* The parts from `index` on that are at the same node as that one, as a list. */
static struct store_call *list_of_node(struct submission *submission, size_t index)
{
    struct store_call *first = NULL;
    struct store_call **last = &first;
    for (size_t i = index; i < store_split_count(submission->split); i++) {
        if (!submission->is_given[i] && submission->nodes[i] == submission->nodes[index]) {
            submission->is_given[i] = true;
            *last = store_split_part(submission->split, i);
            last = &(*last)->next;
        }
    }
    *last = NULL;
    return first;
}

/* Puts the list before another one; each notes how it ended. */
static struct store_call *note_refused(struct store_call *calls, enum status status, struct store_call *refused)
{
    while (calls != NULL) {
        struct store_call *next = calls->next;
        calls->status = status;
        calls->next = refused;
        refused = calls;
        calls = next;
    }
    return refused;
}

static void finish_refused(struct store_call *calls)
{
    while (calls != NULL) {
        struct store_call *next = calls->next;
        store_call_finish(calls, calls->status, NULL);
        calls = next;
    }
}

/* Each node gets its parts at once, so that one exchange has them. */
static enum status submit_parts(struct store *store, struct store_call *call, int partitions)
{
    struct submission submission = {.split = store_split_create(call, partitions)};
    struct store_call *refused = NULL;
    enum status status = STATUS_OK;
    bool is_taken = false;
    if (submission.split == NULL) {
        return STATUS_OUT_OF_MEMORY;
    }
    const size_t count = store_split_count(submission.split);
    for (size_t i = 0; i < count; i++) {
        submission.nodes[i] = store_route_of(&store->route, store_split_part(submission.split, i)->partition);
    }
    for (size_t i = 0; i < count; i++) {
        if (submission.is_given[i]) {
            continue;
        }
        struct store_call *calls = list_of_node(&submission, i);
        const enum status of_node = put_on(submission.nodes[i], calls);
        is_taken = is_taken || of_node == STATUS_OK;
        if (of_node != STATUS_OK) {
            status = of_node;
            refused = note_refused(calls, of_node, refused);
        }
    }
    if (!is_taken) {
        store_split_drop(submission.split);
        return status;
    }
    finish_refused(refused);
    store_split_release(submission.split);
    return STATUS_OK;
}

enum status store_submit(struct store *store, struct store_call *call)
{
    const int partitions = topology_partitions(store->topology);
    if (partitions == 0) {
        return STATUS_REDIS_DOWN;
    }
    call->next = NULL;
    call->asking = false;
    call->asking_refused = false;
    call->redirects = 0;
    return store_split_is_whole(call, partitions) ? put(store, call) : submit_parts(store, call, partitions);
}

/* ---- its state ---- */

int store_partitions(const struct store *store)
{
    return topology_partitions(store->topology);
}

/* How many partitions are served; reason: why the first of the others is not. */
static int count_served(const struct store *store, int partitions, char *reason, size_t reason_size)
{
    const struct store_node *open = NULL;   /* the last that was found so: most partitions are on few nodes */
    const struct store_node *closed = NULL; /* likewise */
    int served = 0;
    bool is_told = false;
    for (int i = 0; i < partitions; i++) {
        const struct store_node *node = store_route_of(&store->route, i);
        char *const out = is_told ? NULL : reason;
        if (node == NULL) {
            if (out != NULL) {
                snprintf(out, reason_size, "no Redis is known to have partition %d", i);
                is_told = true;
            }
            continue;
        }
        if (node != open && node != closed) {
            const bool is_open = store_node_is_open(node, out, reason_size);
            is_told = is_told || !is_open;
            open = is_open ? node : open;
            closed = is_open ? closed : node;
        }
        served += node == open;
    }
    return served;
}

bool store_is_serving(struct store *store, char *reason, size_t reason_size)
{
    const int partitions = topology_partitions(store->topology);
    char *const out = reason_size > 0 ? reason : NULL;
    if (out != NULL) {
        out[0] = '\0';
    }
    if (partitions == 0) {
        if (out != NULL) {
            topology_trouble(store->topology, out, reason_size);
        }
        return false;
    }
    const bool serving = count_served(store, partitions, out, reason_size) > 0;
    if (serving && out != NULL) {
        out[0] = '\0';
    }
    return serving;
}

bool store_lacks_partitions(struct store *store, char *reason, size_t reason_size)
{
    char first[sizeof(struct error)] = "";
    const int partitions = topology_partitions(store->topology);
    const int served = partitions > 0 ? count_served(store, partitions, first, sizeof(first)) : 0;
    if (served == 0 || served == partitions) {
        return false;
    }
    snprintf(reason, reason_size, "%d of %d partitions are not served: %s", partitions - served, partitions, first);
    return true;
}

bool store_refuses_writes(struct store *store, char *reason, size_t reason_size)
{
    const size_t count = atomic_load(&store->route.node_count);
    for (size_t i = 0; i < count; i++) {
        const struct store_node *node = store->route.nodes[i];
        if (atomic_load(&node->partition_count) > 0 && store_node_refuses_writes(node, reason, reason_size)) {
            return true;
        }
    }
    return false;
}

bool store_misses_events(const struct store *store)
{
    const size_t count = atomic_load(&store->route.node_count);
    for (size_t i = 0; i < count; i++) {
        const struct store_node *node = store->route.nodes[i];
        if (atomic_load(&node->partition_count) > 0 && store_node_misses_events(node)) {
            return true;
        }
    }
    return false;
}
