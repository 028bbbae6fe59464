#include "counter-service/store/store_worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/thread/thread.h"
#include "counter-service/commands/store_call.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/store/redis_handshake.h"
#include "counter-service/store/store_later.h"
#include "counter-service/store/store_pipeline.h"

enum {
    HEARTBEAT_US = 1000 * 1000,
    /* A node without partitions looks so often whether it has some. */
    ASSIGNMENT_US = 100 * 1000,
    RECONNECT_MIN_MS = 25,
    RECONNECT_MAX_MS = 1000,
    /* A connection that held this long was a good one: the next attempt follows at once. */
    STABLE_US = 1000 * 1000,
};

struct store_worker {
    /* Immutable after create. */
    struct store_worker_options options;

    struct store_queue queue;  /* shared; has its own lock */
    atomic_bool misses_events; /* written by the worker's thread, read by any */

    /* Owned by the owner's thread (start, join). */
    pthread_t thread;
    bool started;

    /* Owned by the worker's thread. */
    struct store_assignment assignment;
    struct redis_conn *conn; /* NULL: not connected */
    struct store_later later;
    struct redis_session session;
    struct store_pipeline pipeline;
    struct backoff backoff;
    struct log_limiter limiter;
    bool was_connected;
    bool refuses_writes; /* as it was told last */
};

/* ---- the worker's thread ---- */

/* Tells the queue and the log whether Redis refuses writes, which may have changed. */
static void tell_refusal(struct store_worker *worker)
{
    const struct error *refusal = &worker->session.refusal;
    const bool refuses = refusal->message[0] != '\0';
    store_queue_set_refusal(&worker->queue, refusal);
    if (refuses && !worker->refuses_writes) {
        log_warn("redis", "reads only", LOG_STR("reason", refusal->message), LOG_INT("worker", worker->options.index));
    } else if (!refuses && worker->refuses_writes) {
        log_info("redis", "writes again", LOG_INT("worker", worker->options.index));
    }
    worker->refuses_writes = refuses;
}

/* A neighbour's configuration is another one: the store has events, and this instance adds none. */
static void look_at_events(struct store_worker *worker)
{
    const bool misses = worker->session.outbox_is_followed && !config_has_outbox(worker->options.config);
    if (misses && !atomic_load_explicit(&worker->misses_events, memory_order_relaxed)) {
        log_warn("events",
                 "other instances keep events of this store, and this one adds none: it has neither kafka.brokers nor "
                 "rankings",
                 LOG_INT("worker", worker->options.index));
    }
    atomic_store_explicit(&worker->misses_events, misses, memory_order_relaxed);
}

static void open_queue(struct store_worker *worker)
{
    log_info("redis", "connected", LOG_STR("store_id", worker->session.store_id),
             LOG_STR("redis", redis_address_write(&worker->assignment.address).text),
             LOG_INT("worker", worker->options.index));
    worker->limiter = (struct log_limiter){0};
    if (worker->was_connected) {
        metrics_add(worker->options.metrics.reconnects, 1);
    }
    worker->was_connected = true;
    worker->refuses_writes = false;
    tell_refusal(worker);
    store_queue_open(&worker->queue);
    worker->options.owner->on_change(worker->options.owner->ctx, true);
}

/* The calls' partition is at another node by now. */
static void leave_to_others(struct store_worker *worker, struct store_call *calls)
{
    const struct redis_redirect redirect = {.kind = REDIS_REDIRECT_AGAIN};
    while (calls != NULL) {
        struct store_call *call = calls;
        calls = calls->next;
        store_later_take(&worker->later, call, &redirect);
    }
}

static void close_queue(struct store_worker *worker, const struct error *reason)
{
    struct store_call *calls;
    const enum store_queue_closing closing = store_queue_close(&worker->queue, reason, &calls);
    if (worker->assignment.count == 0) {
        leave_to_others(worker, calls);
    } else {
        store_calls_finish(calls, STATUS_REDIS_DOWN, NULL);
    }
    if (closing == STORE_QUEUE_WAS_OPEN) {
        worker->options.owner->on_change(worker->options.owner->ctx, false);
    }
    if (closing != STORE_QUEUE_SAME_REASON) {
        worker->limiter = (struct log_limiter){0};
    }
    uint64_t count;
    if (log_limiter_allows(&worker->limiter, clock_monotonic_us(), &count)) {
        log_warn("redis", "not usable", LOG_STR("reason", reason->message),
                 LOG_STR("redis", redis_address_write(&worker->assignment.address).text),
                 LOG_INT("worker", worker->options.index), LOG_INT("count", count));
    }
}

/* Not admitted: one of two Redises behind one name, or one whose data was replaced, which another worker has not
 * noticed yet. */
static int check_admitted(struct store_worker *worker, struct error *error)
{
    const struct store_owner *owner = worker->options.owner;
    if (owner->admit(owner->ctx, worker->session.store_id)) {
        return 0;
    }
    error_set(error, "Redis holds store %s, and another connection leads to another store", worker->session.store_id);
    return -1;
}

/* Before anything is read or written there: an address may be given to somebody else's Redis. */
static int check_member(struct store_worker *worker, struct redis_conn *conn, struct error *error)
{
    const struct store_owner *owner = worker->options.owner;
    return worker->assignment.is_cluster ? owner->check_member(owner->ctx, conn, error) : 0;
}

static int connect_once(struct store_worker *worker, struct error *error)
{
    const struct store_worker_options *options = &worker->options;
    assert(worker->conn == NULL);
    const int64_t start_us = clock_monotonic_us();
    if (store_pipeline_begin(&worker->pipeline, &worker->assignment) != 0) {
        error_set(error, "out of memory");
        return -1;
    }
    struct redis_conn *conn =
        redis_login(&worker->assignment.address, options->config, worker->options.heartbeat, error);
    if (conn == NULL) {
        return -1;
    }
    if (check_member(worker, conn, error) != 0 ||
        redis_handshake(conn, options->config, &worker->assignment, &worker->pipeline.settings, &worker->session,
                        error) != 0 ||
        check_admitted(worker, error) != 0) {
        redis_conn_close(conn);
        return -1;
    }
    metrics_observe(options->metrics.duration[EXCHANGE_HANDSHAKE], (double)(clock_monotonic_us() - start_us) / 1e6);
    worker->conn = conn;
    return 0;
}

/* What the node has now. Returns 0; or -1 with error filled if that is nothing. */
static int look_at_assignment(struct store_worker *worker, struct error *error)
{
    const struct store_owner *owner = worker->options.owner;
    if (owner->assign(owner->ctx, worker->options.node, true, &worker->assignment)) {
        return 0;
    }
    error_set(error, "no partition is at this Redis any more");
    return -1;
}

static void take_redirected(void *ctx, struct store_call *call, const struct redis_redirect *redirect)
{
    struct store_worker *worker = ctx;
    store_later_take(&worker->later, call, redirect);
}

/* Sends those calls on whose partition is another node's now: what this node's Redis would take after a failover may be
 * lost. Those that a Redis has sent here itself stay. Returns the rest. */
static struct store_call *keep_own(struct store_worker *worker, struct store_call *calls)
{
    const struct store_owner *owner = worker->options.owner;
    struct store_call *own = NULL;
    struct store_call **last = &own;
    while (calls != NULL) {
        struct store_call *call = calls;
        calls = calls->next;
        if (call->asking || owner->is_at(owner->ctx, worker->options.node, call->partition)) {
            *last = call;
            last = &call->next;
        } else {
            store_later_send_on(&worker->later, call);
        }
    }
    *last = NULL;
    return own;
}

/* Uses the connection until it is lost (-1, with error filled) or it is time to stop (0). */
static int serve(struct store_worker *worker, struct error *error)
{
    int64_t heartbeat_us = clock_monotonic_us() + HEARTBEAT_US;
    struct store_call *calls;
    while (store_queue_wait(&worker->queue, clock_earlier(heartbeat_us, worker->later.next_us), &calls)) {
        heartbeat_turn(worker->options.heartbeat);
        /* Under load too: a master that was made a replica still answers reads. */
        const int64_t now_us = clock_monotonic_us();
        const bool heartbeat = now_us >= heartbeat_us;
        if (heartbeat) {
            heartbeat_us = now_us + HEARTBEAT_US;
            if (look_at_assignment(worker, error) != 0) {
                leave_to_others(worker, calls);
                return -1;
            }
        }
        calls = keep_own(worker, calls);
        if (now_us >= worker->later.next_us) {
            store_later_put_again(&worker->later, true);
        }
        if (calls == NULL && !heartbeat) {
            continue;
        }
        if (store_pipeline_run(&worker->pipeline, worker->conn, &worker->session, calls, heartbeat, error) != 0) {
            return -1;
        }
        look_at_events(worker);
        if (worker->refuses_writes != (worker->session.refusal.message[0] != '\0')) {
            tell_refusal(worker);
        }
    }
    return 0;
}

/* One life of a connection. False: it is time to stop. Otherwise *ret_wait tells whether to wait before the next. */
static bool connect_and_serve(struct store_worker *worker, bool *ret_wait)
{
    struct error error = {.message = ""};
    const struct store_owner *owner = worker->options.owner;
    *ret_wait = true;
    if (connect_once(worker, &error) != 0) {
        close_queue(worker, &error);
        store_later_put_again(&worker->later, false);
        owner->suspect(owner->ctx);
        return true;
    }
    const int64_t since_us = clock_monotonic_us();
    open_queue(worker);
    if (serve(worker, &error) == 0) {
        return false;
    }
    /* First close, then reconnect: nobody must wait behind it. */
    close_queue(worker, &error);
    redis_conn_close(worker->conn);
    worker->conn = NULL;
    owner->suspect(owner->ctx);
    store_later_put_again(&worker->later, false);
    /* A Redis that is well is not waited for; one that drops every connection is not hammered. */
    backoff_reset(&worker->backoff);
    *ret_wait = clock_monotonic_us() - since_us < STABLE_US;
    return true;
}

/* The same, or a pause while the node has no partitions. */
static bool live(struct store_worker *worker, bool *ret_wait)
{
    const struct store_owner *owner = worker->options.owner;
    if (!owner->assign(owner->ctx, worker->options.node, false, &worker->assignment)) {
        *ret_wait = false;
        return store_queue_sleep(&worker->queue, clock_monotonic_us() + ASSIGNMENT_US);
    }
    const bool goes_on = connect_and_serve(worker, ret_wait);
    owner->rest(owner->ctx, worker->options.node);
    return goes_on;
}

static void *run(void *arg)
{
    struct store_worker *worker = arg;
    bool wait;
    heartbeat_waits(worker->options.heartbeat, false);
    while (live(worker, &wait)) {
        heartbeat_turn(worker->options.heartbeat);
        const int64_t delay_us = wait ? (int64_t)backoff_next_ms(&worker->backoff) * 1000 : 0;
        if (!store_queue_sleep(&worker->queue, clock_monotonic_us() + delay_us)) {
            break;
        }
    }
    return NULL;
}

/* ---- the owner's thread ---- */

struct store_worker *store_worker_create(const struct store_worker_options *options)
{
    struct store_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL) {
        return NULL;
    }
    worker->options = *options;
    store_queue_init(&worker->queue, options->queue_max,
                     (int64_t)options->config->counter_service.queue_time_ms * 1000);
    backoff_init(&worker->backoff, RECONNECT_MIN_MS, RECONNECT_MAX_MS);
    store_pipeline_init(&worker->pipeline, options->config, options->metrics,
                        (struct store_redirection){take_redirected, worker});
    store_later_init(&worker->later, options->owner, &worker->assignment.address, options->queue_max);
    return worker;
}

int store_worker_start(struct store_worker *worker, struct error *error)
{
    assert(!worker->started);
    char name[16];
    snprintf(name, sizeof(name), "store-%d", worker->options.index);
    if (thread_start(&worker->thread, name, run, worker, error) != 0) {
        return -1;
    }
    worker->started = true;
    return 0;
}

void store_worker_stop(struct store_worker *worker)
{
    store_queue_stop(&worker->queue);
}

void store_worker_join(struct store_worker *worker)
{
    if (worker->started) {
        pthread_join(worker->thread, NULL);
        worker->started = false;
    }
    struct store_call *calls;
    const struct error reason = {.message = "stopped"};
    store_queue_close(&worker->queue, &reason, &calls);
    store_calls_finish(calls, STATUS_DRAINING, NULL);
    store_later_put_again(&worker->later, false);
}

void store_worker_free(struct store_worker *worker)
{
    redis_conn_close(worker->conn);
    store_pipeline_done(&worker->pipeline);
    store_queue_done(&worker->queue);
    free(worker);
}

struct store_queue *store_worker_queue(struct store_worker *worker)
{
    return &worker->queue;
}

bool store_worker_misses_events(const struct store_worker *worker)
{
    return atomic_load_explicit(&worker->misses_events, memory_order_relaxed);
}
