/* A call's life, on the loop's thread but for the poller's hand-over:
 *
 *   client_call_start ─> STATE_TRYING ─────────────────────────────> answer ─> on_done
 *        │ no channel      │   ▲ attempt failed or was silent          ▲
 *        │                 ▼   │ re-send is due                        │
 *        │               STATE_BACKING_OFF ── deadline, no budget, ────┤
 *        │                 │                  no channel: the status   │
 *        ▼                 ▼ no channel       so far                   │
 *      STATE_AWAITING: an instance was up a moment ago ── too long, ───┘
 *                          │   looks every 5 ms           deadline
 *                          └─> STATE_TRYING
 *
 * unknown is sticky: once an attempt may have been applied without our knowing, only an answer with results settles it.
 */
#include "gateway/rpc/counter_client.h"

#include <assert.h>
#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/prng.h"
#include "common/thread/thread.h"
#include "gateway/rpc/retry.h"
#include "gateway/rpc/rpc_attempt.h"
#include "gateway/rpc/rpc_metrics.h"
#include "gateway/rpc/rpc_status.h"

/* While a call waits for an instance it looks for one so often: the pool itself looks every 10 ms. */
enum { LOOK_AGAIN_US = 5 * 1000 };

enum call_state {
    STATE_TRYING,      /* `attempt` is out */
    STATE_BACKING_OFF, /* the next attempt leaves at retry_us */
    STATE_AWAITING,    /* an instance, until retry_us; counted in `awaiting` */
    STATE_ENDED,       /* `ended` says how; on_done is due */
};

struct client_call {
    struct list_node node;
    struct counter_client *client;
    enum counter_rpc rpc;
    grpc_byte_buffer *message;
    struct trace_context trace; /* not sampled: it is not traced */
    grpc_slice traceparent;     /* empty: none is sent */
    int64_t deadline_us;
    client_call_done on_done;
    void *ctx;
    enum call_state state;
    struct rpc_attempt *attempt; /* STATE_TRYING */
    bool timed_out;              /* the attempt was cancelled for its silence */
    unsigned attempts;
    int last_instance; /* of the last attempt; -1: none */
    int64_t retry_us;
    enum status ended; /* what the last attempt said */
    bool unknown;      /* an attempt ended unknown */
    grpc_slice said;   /* with that, in words */
};

struct counter_client {
    /* immutable after create */
    struct channel_pool *pool;
    int64_t attempt_timeout_us;
    void (*wake)(void *ctx);
    void *wake_ctx;
    grpc_completion_queue *queue;
    pthread_t poller;
    /* owned by the loop thread */
    struct list calls;           /* the youngest first */
    struct list_node *walk_next; /* while counter_client_poll walks them: the call after the one it looks at */
    unsigned awaiting;           /* how many of them are STATE_AWAITING */
    struct retry_budget budget;
    unsigned cursor;
    struct prng prng;
    struct rpc_metrics metrics;
    /* pushed by the poller, taken whole by the loop thread */
    _Atomic(struct rpc_attempt *) finished;
};

static const char *const method_names[COUNTER_RPCS] = {
#define METHOD_NAME(symbol, name) [COUNTER_RPC_##symbol] = "/tally.v1.CounterService/" name,
    COUNTER_RPC_TABLE(METHOD_NAME)
#undef METHOD_NAME
};

/* --- attempts ----------------------------------------------------------------------------------------------------- */

static void set_state(struct client_call *call, enum call_state state)
{
    if (call->state == STATE_AWAITING) {
        assert(call->client->awaiting > 0);
        call->client->awaiting--;
    }
    if (state == STATE_AWAITING) {
        call->client->awaiting++;
    }
    call->state = state;
}

static void end_call(struct client_call *call, enum status status)
{
    set_state(call, STATE_ENDED);
    call->ended = status;
}

/* There is no channel: waits a moment for an instance to be back, or ends. Costs nothing of the budget. */
static void await_instance(struct client_call *call, int64_t now_us)
{
    const int64_t again_us = now_us + LOOK_AGAIN_US;
    if (again_us < call->deadline_us && channel_pool_is_awaited(call->client->pool, now_us)) {
        set_state(call, STATE_AWAITING);
        call->retry_us = again_us;
    } else {
        end_call(call, STATUS_NO_SERVICE);
    }
}

/* A re-send takes a token of the budget, unless the service shed the last attempt, which cost it next to nothing. */
static bool needs_token(const struct client_call *call)
{
    return call->attempts > 0 && call->ended != STATUS_SHED;
}

/* A channel for the next attempt. NULL: none, and the call waits or has ended. */
static struct channel *borrow_channel(struct client_call *call, int64_t now_us)
{
    struct counter_client *client = call->client;
    if (needs_token(call) && !retry_budget_has(&client->budget)) {
        end_call(call, call->ended);
        return NULL;
    }
    struct channel *channel = channel_pool_lend(client->pool, &client->cursor, call->last_instance, now_us);
    if (channel == NULL) {
        await_instance(call, now_us);
        return NULL;
    }
    if ((int)channel_instance_number(channel) == call->last_instance && call->ended == STATUS_UNIMPLEMENTED) {
        channel_pool_give_back(client->pool, channel, CALL_SAYS_NOTHING, now_us);
        end_call(call, STATUS_UNIMPLEMENTED); /* there is no other one that may be newer */
        return NULL;
    }
    return channel;
}

static void start_attempt(struct client_call *call, int64_t now_us)
{
    struct counter_client *client = call->client;
    assert(call->attempt == NULL && call->state != STATE_ENDED);
    struct channel *channel = borrow_channel(call, now_us);
    if (channel == NULL) {
        return;
    }
    const struct rpc_message message = {method_names[call->rpc], call->message, call->traceparent};
    call->attempt = rpc_attempt_start(channel, client->queue, &message, now_us, call->deadline_us);
    if (call->attempt == NULL) {
        channel_pool_give_back(client->pool, channel, CALL_SAYS_NOTHING, now_us);
        end_call(call, STATUS_SHED);
        return;
    }
    if (needs_token(call)) {
        const bool has_token = retry_budget_take(&client->budget); /* borrow_channel saw it */
        assert(has_token);
        (void)has_token;
    }
    if (call->attempts > 0) {
        rpc_metrics_retry(&client->metrics);
    }
    call->attempt->call = call;
    call->last_instance = (int)channel_instance_number(channel);
    call->attempts++;
    call->timed_out = false;
    set_state(call, STATE_TRYING);
}

static enum status status_of_attempt(const struct rpc_attempt *attempt)
{
    if (attempt->code == GRPC_STATUS_OK) {
        return attempt->reply != NULL ? STATUS_OK : STATUS_REPLY_LOST;
    }
    return rpc_status_of_call((int)attempt->code, rpc_attempt_trailer(attempt, "tally-outcome"),
                              rpc_attempt_trailer(attempt, "tally-reason"),
                              rpc_attempt_trailer(attempt, "grpc-retry-pushback-ms"));
}

/* Whether the breaker should think ill of the instance. A refusal is an answer, also that of one that has lost its
 * Redis: its health says so. Likewise one that tells of replicas that are late: those are every instance's. */
static enum call_verdict verdict_of(enum status status)
{
    return status_outcome(status) == OUTCOME_UNKNOWN && status != STATUS_NOT_REPLICATED ? CALL_FAILED : CALL_ANSWERED;
}

/* If the service sheds one of these, the batcher sends it again: it knows how much the service takes. */
static bool is_batch(enum counter_rpc rpc)
{
    return rpc == COUNTER_RPC_SESSION_INCREMENT || rpc == COUNTER_RPC_BATCH_GET;
}

/* Whether there is time for an attempt at retry_us. One still out at the deadline makes the call unknown: so if it is
 * not unknown yet, the attempt must end in time, taking as long as the last one. If it is, only an attempt can settle
 * it: any time will do. */
static bool has_time(const struct client_call *call, int64_t retry_us, int64_t last_took_us)
{
    return retry_us + (call->unknown ? 0 : last_took_us) < call->deadline_us;
}

/* After a failed attempt, which took so long: again, if it may help and there is time and budget. */
static void retry_or_end(struct client_call *call, enum status status, int64_t took_us, int64_t now_us)
{
    struct counter_client *client = call->client;
    call->ended = status;
    call->unknown = call->unknown || status_outcome(status) == OUTCOME_UNKNOWN;
    const bool is_returned = status == STATUS_SHED && is_batch(call->rpc) && !call->unknown;
    const uint32_t random = (uint32_t)prng_next(&client->prng);
    const int64_t backoff_us =
        status == STATUS_SHED ? retry_backoff_shed_us(random) : retry_backoff_us(call->attempts, random);
    const int64_t retry_us = now_us + backoff_us;
    const bool may_help = status_is_retriable(status) && !is_returned && has_time(call, retry_us, took_us);
    if (may_help && (!needs_token(call) || retry_budget_has(&client->budget)) &&
        (channel_pool_is_ready(client->pool) || channel_pool_is_awaited(client->pool, now_us))) {
        set_state(call, STATE_BACKING_OFF);
        call->retry_us = retry_us;
    } else {
        end_call(call, status);
    }
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static void unlink_call(struct client_call *call)
{
    struct counter_client *client = call->client;
    set_state(call, STATE_ENDED);
    if (client->walk_next == &call->node) {
        client->walk_next = call->node.next;
    }
    list_remove(&client->calls, &call->node);
}

static void free_call(struct client_call *call)
{
    grpc_byte_buffer_destroy(call->message);
    grpc_slice_unref(call->traceparent);
    grpc_slice_unref(call->said);
    free(call);
}

/* The status of the whole call: "not applied" from the last attempt does not settle an earlier one that ended
 * unknown. */
static enum status final_status(const struct client_call *call)
{
    if (call->unknown && status_outcome(call->ended) == OUTCOME_NOT_APPLIED) {
        return STATUS_REPLY_LOST;
    }
    return call->ended;
}

static void finish(struct client_call *call, enum status status, grpc_byte_buffer *reply)
{
    unlink_call(call);
    call->on_done(call->ctx, status, reply);
    free_call(call);
}

static void keep_what_was_said(struct client_call *call, const struct rpc_attempt *attempt)
{
    grpc_slice_unref(call->said);
    call->said = grpc_slice_ref(attempt->code_message);
}

/* The channel goes back first: what the breaker makes of it decides whether a re-send is worth it. */
static void attempt_finished(struct counter_client *client, struct rpc_attempt *attempt, int64_t now_us)
{
    struct client_call *call = attempt->call;
    if (call == NULL) {
        rpc_attempt_release(attempt, client->pool, CALL_SAYS_NOTHING, now_us);
        rpc_attempt_free(attempt);
        return;
    }
    assert(call->state == STATE_TRYING && call->attempt == attempt);
    enum status status = status_of_attempt(attempt);
    if (call->timed_out && status_outcome(status) == OUTCOME_UNKNOWN) {
        status = STATUS_REPLY_LOST; /* CANCELLED by us */
    }
    if (status == STATUS_WRITES_REFUSED) {
        channel_pool_note_refusal(client->pool, attempt->channel, now_us);
    }
    rpc_attempt_release(attempt, client->pool, verdict_of(status), now_us);
    rpc_metrics_attempt(&client->metrics, call->rpc, (int)attempt->code, now_us - attempt->started_us, &call->trace);
    call->attempt = NULL;
    if (status == STATUS_OK) {
        finish(call, STATUS_OK, attempt->reply);
    } else {
        keep_what_was_said(call, attempt);
        retry_or_end(call, status, now_us - attempt->started_us, now_us);
    }
    rpc_attempt_free(attempt);
}

/* The poller pushes onto a stack: turn it round, so that the oldest is first. */
static struct rpc_attempt *take_finished(struct counter_client *client)
{
    struct rpc_attempt *stack = atomic_exchange_explicit(&client->finished, NULL, memory_order_acquire);
    struct rpc_attempt *oldest_first = NULL;
    while (stack != NULL) {
        struct rpc_attempt *attempt = stack;
        stack = attempt->next;
        attempt->next = oldest_first;
        oldest_first = attempt;
    }
    return oldest_first;
}

/* Does what is due for one call. Returns when it wants to be looked at again; the call may be gone. */
static int64_t advance(struct client_call *call, int64_t now_us)
{
    assert((call->state == STATE_TRYING) == (call->attempt != NULL));
    if (call->state == STATE_TRYING) {
        const int64_t silent_us = call->attempt->started_us + call->client->attempt_timeout_us;
        if (call->timed_out || now_us < silent_us) {
            return call->timed_out ? INT64_MAX : silent_us;
        }
        call->timed_out = true;
        rpc_attempt_cancel(call->attempt);
        return INT64_MAX;
    }
    if (call->state == STATE_BACKING_OFF || call->state == STATE_AWAITING) {
        if (now_us < call->retry_us) {
            return call->retry_us;
        }
        start_attempt(call, now_us);
    }
    if (call->state == STATE_AWAITING) {
        return call->retry_us;
    }
    if (call->state == STATE_ENDED) {
        finish(call, final_status(call), NULL);
    }
    return now_us;
}

int64_t counter_client_poll(struct counter_client *client, int64_t now_us)
{
    struct rpc_attempt *attempt = take_finished(client);
    while (attempt != NULL) {
        struct rpc_attempt *next = attempt->next;
        attempt_finished(client, attempt, now_us);
        attempt = next;
    }
    /* on_done may start calls: they go to the front of the list, which this walk has passed. And it may abandon any. */
    int64_t wanted_us = INT64_MAX;
    client->walk_next = client->calls.first;
    while (client->walk_next != NULL) {
        struct client_call *call = LIST_ENTRY(client->walk_next, struct client_call, node);
        client->walk_next = call->node.next;
        wanted_us = clock_earlier(wanted_us, advance(call, now_us));
    }
    return wanted_us;
}

static grpc_slice traceparent_of(const struct trace_context *trace)
{
    char text[TRACE_PARENT_LEN];
    if (trace == NULL) {
        return grpc_empty_slice();
    }
    trace_context_write(trace, text);
    return grpc_slice_from_copied_buffer(text, sizeof(text));
}

struct client_call *client_call_start(struct counter_client *client, const struct client_call_options *options,
                                      grpc_byte_buffer *message, int64_t now_us)
{
    struct client_call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        grpc_byte_buffer_destroy(message);
        return NULL;
    }
    *call = (struct client_call){
        .client = client,
        .state = STATE_TRYING,
        .rpc = options->rpc,
        .message = message,
        .trace = options->trace != NULL ? *options->trace : (struct trace_context){.is_sampled = false},
        .traceparent = traceparent_of(options->trace),
        .deadline_us = options->deadline_us,
        .on_done = options->on_done,
        .ctx = options->ctx,
        .last_instance = -1,
        .said = grpc_empty_slice(),
    };
    list_prepend(&client->calls, &call->node);
    retry_budget_on_first_attempt(&client->budget);
    start_attempt(call, now_us);
    return call;
}

bool counter_client_awaits_instance(const struct counter_client *client)
{
    return client->awaiting > 0;
}

void client_call_abandon(struct client_call *call)
{
    assert((call->state == STATE_TRYING) == (call->attempt != NULL));
    if (call->attempt != NULL) {
        call->attempt->call = NULL;
        rpc_attempt_cancel(call->attempt);
    }
    unlink_call(call);
    free_call(call);
}

unsigned client_call_attempts(const struct client_call *call)
{
    return call->attempts;
}

bool client_call_was_unknown(const struct client_call *call)
{
    return call->unknown;
}

struct text client_call_said(const struct client_call *call)
{
    return (struct text){(const char *)GRPC_SLICE_START_PTR(call->said), GRPC_SLICE_LENGTH(call->said)};
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void push_finished(struct counter_client *client, struct rpc_attempt *attempt)
{
    struct rpc_attempt *head = atomic_load_explicit(&client->finished, memory_order_relaxed);
    do {
        attempt->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&client->finished, &head, attempt, memory_order_release,
                                                    memory_order_relaxed));
}

static void *poller_main(void *cls)
{
    struct counter_client *client = cls;
    for (;;) {
        grpc_event event = grpc_completion_queue_next(client->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            return NULL;
        }
        push_finished(client, event.tag);
        client->wake(client->wake_ctx);
    }
}

struct counter_client *counter_client_create(struct channel_pool *pool, int attempt_timeout_ms, void (*wake)(void *ctx),
                                             void *wake_ctx, struct error *error)
{
    struct counter_client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    client->pool = pool;
    client->attempt_timeout_us = (int64_t)attempt_timeout_ms * 1000;
    client->wake = wake;
    client->wake_ctx = wake_ctx;
    retry_budget_init(&client->budget);
    rpc_metrics_init(&client->metrics);
    prng_init(&client->prng);
    client->queue = grpc_completion_queue_create_for_next(NULL);
    if (thread_start(&client->poller, "rpc-poller", poller_main, client, error) != 0) {
        grpc_completion_queue_shutdown(client->queue);
        grpc_completion_queue_destroy(client->queue);
        free(client);
        return NULL;
    }
    return client;
}

void counter_client_free(struct counter_client *client)
{
    if (client == NULL) {
        return;
    }
    while (client->calls.first != NULL) {
        client_call_abandon(LIST_ENTRY(client->calls.first, struct client_call, node));
    }
    grpc_completion_queue_shutdown(client->queue); /* the poller ends once all attempts, cancelled now, are back */
    pthread_join(client->poller, NULL);
    struct rpc_attempt *attempt = take_finished(client);
    while (attempt != NULL) {
        struct rpc_attempt *next = attempt->next;
        rpc_attempt_release(attempt, client->pool, CALL_SAYS_NOTHING, 0);
        rpc_attempt_free(attempt);
        attempt = next;
    }
    grpc_completion_queue_destroy(client->queue);
    free(client);
}
