#include "gateway/batch/batcher.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/prng.h"
#include "common/contract/limits.h"
#include "gateway/batch/batch_message.h"
#include "gateway/batch/send_window.h"
#include "gateway/batch/sent_batch.h"
#include "gateway/batch/session.h"
#include "gateway/batch/waiting_line.h"
#include "gateway/rpc/rpc_metrics.h"

enum {
    /* So many RPCs of a line that are younger than this keep its next RPC back. Without the limit batches stay small;
     * with a limit of one the two ends wait for each other (two and three gave 1.2 and 1.35 times the rate at 10
     * connections; eight 0.9 of it at 100). The next RPC is also kept back while the young ones carry more than twice
     * the items that wait: what arrives meanwhile leaves together (a seventh of the processor time at 100 connections).
     * Only young ones count, because a stuck RPC must not hold everybody up. */
    YOUNG_RPCS_MAX = 3,
    YOUNG_RPC_US = 3000,
    /* For the same reason an RPC that is out for so long leaves the window: another instance may be well. */
    STUCK_RPC_US = 300 * 1000,
    /* While a call waits for an instance to be back, the batcher looks again after this. */
    LOOK_AGAIN_US = 5 * 1000,
};

/* What waits to leave in the same RPCs. */
struct line {
    struct waiting_line waiting;
    enum batch_kind kind;
    enum send_size size;
};

struct batcher {
    struct counter_client *client;
    struct session *session;
    struct line lines[SEND_SIZES][BATCH_KINDS];
    enum batch_kind first_kind[SEND_SIZES]; /* which of the lines may send first */
    struct sent_list sent;
    struct send_window window;
    struct batch_message *message;
    struct prng prng;
    metric_series size[BATCH_KINDS];
    metric_series window_items;
    int64_t window_shown; /* as its metric has it */
};

/* What an item of an answered call came to. */
struct item_end {
    enum status status;
    bool is_shed;      /* it waits again */
    bool lost_session; /* likewise, for another session */
};

/* What a call came to. */
struct batch_end {
    enum status status; /* what it says of the window: STATUS_SHED also if only some of the items were */
    bool is_unknown;    /* so is an item: a copy may still take effect */
    bool lost_session;
};

static const enum counter_rpc rpc_of_kind[BATCH_KINDS] = {
    [BATCH_INCREMENT] = COUNTER_RPC_SESSION_INCREMENT,
    [BATCH_GET] = COUNTER_RPC_BATCH_GET,
};

/* --- waiting ------------------------------------------------------------------------------------------------------ */

enum status batcher_submit(struct batcher *batcher, struct submission *submission)
{
    const enum send_size size = submission->operation_count <= SEND_SMALL_MAX ? SEND_SMALL : SEND_LARGE;
    struct waiting_line *line = &batcher->lines[size][submission->kind].waiting;
    if (waiting_line_reserve(line, submission->operation_count) != 0) {
        return STATUS_OUT_OF_MEMORY;
    }
    submission->unanswered = waiting_line_add(line, submission);
    return STATUS_OK;
}

static void on_open_failed(void *ctx, enum status status)
{
    struct batcher *batcher = ctx;
    for (int size = 0; size < SEND_SIZES; size++) {
        waiting_line_answer_all(&batcher->lines[size][BATCH_INCREMENT].waiting, status);
    }
}

static bool increments_wait(const struct batcher *batcher)
{
    return waiting_line_count(&batcher->lines[SEND_SMALL][BATCH_INCREMENT].waiting) > 0 ||
           waiting_line_count(&batcher->lines[SEND_LARGE][BATCH_INCREMENT].waiting) > 0;
}

/* --- ends of calls ------------------------------------------------------------------------------------------------ */

/* The service wrote nothing, and only because of the session: what it refused may go out in another one. */
static bool failed_by_session(enum batch_kind kind, enum status status)
{
    return kind == BATCH_INCREMENT && (status == STATUS_NO_SESSION || status == STATUS_KEY_REUSED);
}

/* The result of an item of a call that was answered, with its value in operation. */
static struct item_end end_of_item(const struct sent_batch *batch, size_t index, struct operation *operation)
{
    const struct batch_message *message = batch->batcher->message;
    const enum status status = batch_message_result(message, batch->kind, index, operation);
    const bool part_failed = batch_message_part_failed(message, batch->kind, index);
    if (part_failed && status_outcome(status) == OUTCOME_NOT_APPLIED && client_call_was_unknown(batch->call)) {
        return (struct item_end){.status = STATUS_REPLY_LOST}; /* the attempt before may have been applied */
    }
    return (struct item_end){
        .status = status,
        .is_shed = status == STATUS_SHED && (part_failed || batch->kind == BATCH_GET),
        .lost_session = part_failed && failed_by_session(batch->kind, status),
    };
}

/* Each entry gets its result, but for those that may be sent again, as a whole call may. */
static struct batch_end answer_results(struct sent_batch *batch)
{
    struct batch_end end = {.status = STATUS_OK};
    struct operation unwanted = {0};
    for (size_t i = 0; i < batch->count; i++) {
        const bool is_wanted = batch->entries[i].submission != NULL;
        struct operation *operation = is_wanted ? batch->entries[i].operation : &unwanted;
        const struct item_end item = end_of_item(batch, i, operation);
        end.is_unknown |= status_outcome(item.status) == OUTCOME_UNKNOWN;
        end.lost_session |= item.lost_session;
        end.status = item.is_shed ? STATUS_SHED : end.status;
        operation->asked_us = batch->asked_us;
        if (is_wanted && !item.is_shed && !item.lost_session) {
            entry_answer(&batch->entries[i], item.status);
        }
    }
    return end;
}

/* The same for a call that failed. */
static struct batch_end answer_failure(struct sent_batch *batch, enum status status)
{
    const struct batch_end end = {
        .status = status,
        .is_unknown = status_outcome(status) == OUTCOME_UNKNOWN,
        .lost_session = failed_by_session(batch->kind, status),
    };
    if (status != STATUS_SHED && !end.lost_session) {
        entries_answer_late(batch->entries, batch->count, INT64_MAX, status);
    }
    return end;
}

/* Puts the entries that were not answered back into their line. Only those that were certainly not applied: no attempt
 * of the call left them unknown, and the call itself will not be sent again. */
static void wait_again(struct sent_batch *batch)
{
    struct waiting_line *line = &batch->batcher->lines[batch->size][batch->kind].waiting;
    for (size_t i = 0; batch->trace != NULL && i < batch->count; i++) {
        if (batch->entries[i].submission != NULL) {
            batch->entries[i].submission->waits_since_us = clock_monotonic_us();
        }
    }
    if (waiting_line_reserve(line, batch->count) == 0) {
        waiting_line_put_back(line, batch->entries, batch->count);
    } else {
        entries_answer_late(batch->entries, batch->count, INT64_MAX, STATUS_OUT_OF_MEMORY);
    }
}

static void give_place_back(struct sent_batch *batch, bool closed)
{
    if (batch->kind == BATCH_INCREMENT) {
        session_give_back(batch->batcher->session, &batch->place, closed);
    }
}

static void end_trace(const struct sent_batch *batch, enum status status)
{
    if (batch->trace != NULL) {
        batch_trace_end(batch->trace, rpc_of_kind[batch->kind], status, client_call_attempts(batch->call),
                        clock_monotonic_us());
    }
}

static void leave_window(struct sent_batch *batch, enum status status)
{
    struct send_window *window = &batch->batcher->window;
    const size_t items = batch->in_window ? batch->count : 0;
    batch->in_window = false;
    if (status == STATUS_OK) {
        send_window_answered(window, batch->size, items, batch->sent_us);
    } else if (status == STATUS_SHED) {
        send_window_shed(window, batch->size, items, batch->sent_us);
    } else {
        send_window_forget(window, batch->size, items);
    }
}

static void on_call_done(void *ctx, enum status status, grpc_byte_buffer *reply)
{
    struct sent_batch *batch = ctx;
    struct batcher *batcher = batch->batcher;
    if (status == STATUS_OK && batch_message_read_reply(batcher->message, batch->kind, reply, batch->count) != 0) {
        status = STATUS_REPLY_LOST; /* not what a counter-service answers: nothing is known */
    }
    end_trace(batch, status);
    const struct batch_end end = status == STATUS_OK ? answer_results(batch) : answer_failure(batch, status);
    leave_window(batch, end.status);
    if (end.lost_session) {
        session_lost(batcher->session, &batch->place);
    }
    give_place_back(batch, !end.is_unknown);
    if (end.lost_session || end.status == STATUS_SHED) {
        wait_again(batch);
    }
    sent_batch_free(&batcher->sent, batch);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

/* Moves the first entries of line into a new batch. NULL when out of memory. */
static struct sent_batch *take(struct batcher *batcher, struct line *line, size_t count, int64_t now_us)
{
    struct sent_batch *batch = sent_batch_take(&batcher->sent, &line->waiting, count, now_us);
    if (batch == NULL) {
        return NULL;
    }
    batch->batcher = batcher;
    batch->kind = line->kind;
    batch->size = line->size;
    batch->in_window = true;
    batch->asked_us = clock_boottime_us();
    send_window_sent(&batcher->window, line->size, count);
    if (line->kind == BATCH_INCREMENT) {
        session_take(batcher->session, &batch->place);
    }
    return batch;
}

static int start_call(struct sent_batch *batch, int64_t now_us)
{
    struct batch_message *message = batch->batcher->message;
    int64_t latest_us = 0;
    size_t cursor = 0;
    batch->trace = tracer_is_on() ? batch_trace_create(batch->entries, batch->count, now_us) : NULL;
    batch_message_clear(message);
    for (size_t i = 0; i < batch->count; i++) {
        assert(batch->entries[i].submission != NULL); /* nothing of it was answered yet */
        const int64_t deadline_us = batch->entries[i].submission->deadline_us;
        latest_us = deadline_us > latest_us ? deadline_us : latest_us;
        batch->earliest_us = clock_earlier(batch->earliest_us, deadline_us);
        batch_message_add(message, batch->kind, batch->entries[i].operation,
                          batch_trace_of(batch->trace, batch->entries, i, &cursor));
    }
    grpc_byte_buffer *packed = batch_message_pack(message, batch->kind, &batch->place);
    if (packed == NULL) {
        return -1;
    }
    const struct client_call_options options = {
        .rpc = rpc_of_kind[batch->kind],
        .deadline_us = latest_us,
        .trace = batch->trace != NULL ? &batch->trace->step.context : NULL,
        .on_done = on_call_done,
        .ctx = batch,
    };
    batch->call = client_call_start(batch->batcher->client, &options, packed, now_us);
    return batch->call == NULL ? -1 : 0;
}

/* One RPC with the first `count` that wait. False when out of memory. */
static bool send_one(struct batcher *batcher, struct line *line, size_t count, int64_t now_us)
{
    struct sent_batch *batch = take(batcher, line, count, now_us);
    if (batch == NULL) {
        return false;
    }
    metrics_observe(batcher->size[line->kind], (double)count);
    if (start_call(batch, now_us) == 0) {
        return true;
    }
    give_place_back(batch, true); /* it never left */
    send_window_forget(&batcher->window, line->size, count);
    entries_answer_late(batch->entries, batch->count, INT64_MAX, STATUS_OUT_OF_MEMORY);
    sent_batch_free(&batcher->sent, batch);
    return false;
}

/* --- when to send ------------------------------------------------------------------------------------------------- */

/* Until when the young RPCs of this line (YOUNG_RPCS_MAX) keep its next one back; 0: they do not. */
static int64_t held_back_until(const struct batcher *batcher, const struct line *line, int64_t now_us)
{
    size_t rpcs = 0;
    size_t items = 0;
    int64_t until_us = 0;
    LIST_EACH (const struct sent_batch, batch, &batcher->sent.batches, node) {
        if (batch->sent_us + YOUNG_RPC_US <= now_us || rpcs == YOUNG_RPCS_MAX) {
            break;
        }
        if (batch->kind == line->kind && batch->size == line->size) {
            rpcs++;
            items += batch->count;
            until_us = batch->sent_us + YOUNG_RPC_US;
        }
    }
    const bool few_wait = 2 * waiting_line_count(&line->waiting) < items;
    return rpcs == YOUNG_RPCS_MAX || few_wait ? until_us : 0;
}

/* When the oldest RPC in the window counts as stuck: it is the last one of the list. */
static int64_t stuck_us(const struct batcher *batcher)
{
    int64_t first_us = INT64_MAX;
    LIST_EACH (const struct sent_batch, batch, &batcher->sent.batches, node) {
        first_us = batch->in_window ? batch->sent_us + STUCK_RPC_US : first_us;
    }
    return first_us;
}

/* How many of those that wait may leave now in one RPC. 0: none, and *ret_next_us is when to look again. */
static size_t may_leave(struct batcher *batcher, const struct line *line, int64_t now_us, int64_t *ret_next_us)
{
    const size_t waiting = waiting_line_count(&line->waiting);
    const size_t count = send_window_allows(&batcher->window, line->size, waiting, now_us);
    if (counter_client_awaits_instance(batcher->client)) {
        *ret_next_us = now_us + LOOK_AGAIN_US;
        return 0;
    }
    if (count == 0) {
        *ret_next_us = now_us < batcher->window.resume_us ? batcher->window.resume_us : stuck_us(batcher);
        return 0;
    }
    const bool is_full = count < waiting || count == BATCH_ITEMS_MAX; /* it gains nothing by waiting */
    *ret_next_us = is_full ? 0 : held_back_until(batcher, line, now_us);
    if (*ret_next_us > 0) {
        return 0;
    }
    *ret_next_us = INT64_MAX; /* a call that ends, or an opened session, gives it a place */
    return line->kind == BATCH_INCREMENT && !session_has_place(batcher->session) ? 0 : count;
}

/* Sends one RPC of this line if it may. *ret_next_us: when to look again. Returns whether it did. */
static bool send_from(struct batcher *batcher, struct line *line, int64_t now_us, int64_t *ret_next_us)
{
    *ret_next_us = INT64_MAX;
    if (waiting_line_count(&line->waiting) == 0) {
        return false;
    }
    const size_t count = may_leave(batcher, line, now_us, ret_next_us);
    if (count == 0) {
        const struct entry *first = &line->waiting.entries[line->waiting.first];
        *ret_next_us = clock_earlier(*ret_next_us, first->submission->deadline_us);
        return false;
    }
    const bool sent = send_one(batcher, line, count, now_us);
    *ret_next_us = sent ? sent_list_youngest(&batcher->sent)->earliest_us : now_us;
    return sent;
}

/* One RPC of each line that may send, small requests first; the kinds take turns. *next_us becomes earlier if one of
 * them is to be looked at before. Returns whether any left. */
static bool send_round(struct batcher *batcher, int64_t now_us, int64_t *next_us)
{
    bool sent = false;
    for (int size = 0; size < SEND_SIZES; size++) {
        const enum batch_kind first = batcher->first_kind[size];
        for (unsigned turn = 0; turn < BATCH_KINDS; turn++) {
            const enum batch_kind kind = (enum batch_kind)((first + turn) % BATCH_KINDS);
            int64_t line_us;
            if (send_from(batcher, &batcher->lines[size][kind], now_us, &line_us)) {
                batcher->first_kind[size] = (enum batch_kind)((kind + 1) % BATCH_KINDS);
                sent = true;
            }
            *next_us = clock_earlier(*next_us, line_us);
        }
    }
    return sent;
}

/* --- turns -------------------------------------------------------------------------------------------------------- */

static void turn_window(struct batcher *batcher, int64_t now_us)
{
    send_window_turn(&batcher->window, now_us, (uint32_t)prng_next(&batcher->prng));
    const int64_t items = (int64_t)batcher->window.items;
    if (items != batcher->window_shown) {
        metrics_add(batcher->window_items, items - batcher->window_shown);
        batcher->window_shown = items;
    }
}

/* An RPC that is stuck no longer counts as out. */
static void pass_stuck(struct batcher *batcher, int64_t now_us)
{
    LIST_EACH (struct sent_batch, batch, &batcher->sent.batches, node) {
        if (batch->in_window && batch->sent_us + STUCK_RPC_US <= now_us) {
            leave_window(batch, STATUS_DEADLINE_EXCEEDED);
        }
    }
}

int64_t batcher_turn(struct batcher *batcher, int64_t now_us)
{
    turn_window(batcher, now_us);
    int64_t next_us = session_turn(batcher->session, increments_wait(batcher), now_us);
    next_us = clock_earlier(next_us, sent_list_answer_late(&batcher->sent, now_us, STATUS_DEADLINE_EXCEEDED));
    pass_stuck(batcher, now_us);
    const int64_t too_late_us = send_window_too_late_us(&batcher->window, now_us);
    for (int size = 0; size < SEND_SIZES; size++) {
        for (int kind = 0; kind < BATCH_KINDS; kind++) {
            waiting_line_answer_late(&batcher->lines[size][kind].waiting, too_late_us, STATUS_NOT_SENT_IN_TIME);
        }
    }
    while (send_round(batcher, now_us, &next_us)) {
        /* until nothing may leave */
    }
    return next_us;
}

int64_t batcher_too_late_us(const struct batcher *batcher, int64_t now_us)
{
    return send_window_too_late_us(&batcher->window, now_us);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void batcher_abort(struct batcher *batcher)
{
    for (int size = 0; size < SEND_SIZES; size++) {
        for (int kind = 0; kind < BATCH_KINDS; kind++) {
            waiting_line_answer_all(&batcher->lines[size][kind].waiting, STATUS_DRAINING);
        }
    }
    for (struct sent_batch *batch; (batch = sent_list_youngest(&batcher->sent)) != NULL;) {
        end_trace(batch, STATUS_DEADLINE_EXCEEDED);
        client_call_abandon(batch->call);
        leave_window(batch, STATUS_DEADLINE_EXCEEDED);
        give_place_back(batch, false);
        entries_answer_late(batch->entries, batch->count, INT64_MAX, STATUS_DEADLINE_EXCEEDED);
        sent_batch_free(&batcher->sent, batch);
    }
}

static void init_lines(struct batcher *batcher)
{
    for (enum send_size size = 0; size < SEND_SIZES; size++) {
        for (enum batch_kind kind = 0; kind < BATCH_KINDS; kind++) {
            batcher->lines[size][kind] = (struct line){.kind = kind, .size = size};
        }
    }
}

struct batcher *batcher_create(struct counter_client *client, size_t window_max)
{
    struct batcher *batcher = calloc(1, sizeof(*batcher));
    if (batcher == NULL) {
        return NULL;
    }
    batcher->client = client;
    batcher->message = batch_message_create();
    batcher->session = session_create(client, on_open_failed, batcher);
    if (batcher->message == NULL || batcher->session == NULL) {
        batcher_free(batcher);
        return NULL;
    }
    init_lines(batcher);
    send_window_init(&batcher->window, window_max);
    prng_init(&batcher->prng);
    batcher->window_items = rpc_metrics_send_window();
    for (enum batch_kind kind = 0; kind < BATCH_KINDS; kind++) {
        batcher->size[kind] = rpc_metrics_batch_size(rpc_of_kind[kind]);
    }
    return batcher;
}

void batcher_free(struct batcher *batcher)
{
    if (batcher == NULL) {
        return;
    }
    if (batcher->window_shown > 0) {
        metrics_add(batcher->window_items, -batcher->window_shown);
    }
    for (int size = 0; size < SEND_SIZES; size++) {
        for (int kind = 0; kind < BATCH_KINDS; kind++) {
            waiting_line_done(&batcher->lines[size][kind].waiting);
        }
    }
    session_free(batcher->session);
    batch_message_free(batcher->message);
    free(batcher);
}
