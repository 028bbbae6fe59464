#include "gateway/batcher.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "gateway/batch_message.h"
#include "gateway/rpc_metrics.h"
#include "gateway/session.h"
#include "gateway/waiting_line.h"

/* So many RPCs of a kind keep the next one back, each for so long. Without it batches stay small; with one RPC the two
 * ends wait for each other (two and three gave 1.2 and 1.35 times the rate at 10 connections; eight 0.9 of it at 100).
 * So does one with more than twice the items that wait: what arrives meanwhile leaves together (a seventh of the
 * processor time at 100 connections). The time, because a stuck RPC must not hold everybody up. */
enum { YOUNG_RPCS_MAX = 3, YOUNG_RPC_US = 3000 };

struct sent_batch {
    struct sent_batch *next;
    struct sent_batch *previous;
    struct batcher *batcher;
    enum batch_kind kind;
    struct session_place place; /* an increment's */
    struct client_call *call;
    int64_t sent_us;
    int64_t earliest_us; /* the first deadline among its entries not answered */
    size_t count;
    struct entry entries[];
};

struct batcher {
    struct counter_client *client;
    struct session *session;
    struct waiting_line waiting[BATCH_KINDS];
    struct sent_batch *sent;
    struct batch_message *message;
    metric_series size[BATCH_KINDS];
};

static const enum counter_rpc rpc_of_kind[BATCH_KINDS] = {
    [BATCH_INCREMENT] = COUNTER_RPC_SESSION_INCREMENT,
    [BATCH_GET] = COUNTER_RPC_BATCH_GET,
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* The operation's result stands. Its submission may be gone afterwards. */
static void answer(struct entry *entry, enum status status)
{
    struct submission *submission = entry->submission;
    entry->operation->status = status;
    entry->operation->done = true;
    entry->submission = NULL;
    submission->unanswered--;
    if (submission->unanswered == 0) {
        submission->on_done(submission);
    }
}

/* Answers the entries past their deadline (all, for now_us INT64_MAX). Returns the earliest deadline of the others. */
static int64_t answer_late_entries(struct entry *entries, size_t count, int64_t now_us, enum status status)
{
    int64_t earliest_us = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].submission == NULL) {
            continue;
        }
        if (entries[i].submission->deadline_us <= now_us) {
            answer(&entries[i], status);
        } else {
            earliest_us = earlier(earliest_us, entries[i].submission->deadline_us);
        }
    }
    return earliest_us;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

enum status batcher_submit(struct batcher *batcher, struct submission *submission)
{
    struct waiting_line *line = &batcher->waiting[submission->kind];
    if (waiting_line_reserve(line, submission->operation_count) != 0) {
        return STATUS_SHED;
    }
    submission->unanswered = 0;
    for (size_t i = 0; i < submission->operation_count; i++) {
        struct operation *operation = &submission->operations[i];
        if (operation->done) {
            continue;
        }
        waiting_line_add(line, (struct entry){submission, operation});
        submission->unanswered++;
    }
    return STATUS_OK;
}

/* Returns when the first waiting one is due. */
static int64_t answer_late_waiting(struct waiting_line *line, int64_t now_us)
{
    while (line->first < line->end) {
        struct entry *entry = &line->entries[line->first];
        if (entry->submission->deadline_us > now_us) {
            return entry->submission->deadline_us;
        }
        struct entry late = *entry;
        waiting_line_drop_first(line, 1); /* first: on_done may submit */
        answer(&late, STATUS_NOT_SENT_IN_TIME);
    }
    return INT64_MAX;
}

/* Answers what waits now, not what is submitted meanwhile. */
static void answer_all_waiting(struct waiting_line *line, enum status status)
{
    for (size_t left = waiting_line_count(line); left > 0; left--) {
        struct entry entry = line->entries[line->first];
        waiting_line_drop_first(line, 1);
        answer(&entry, status);
    }
}

static void on_open_failed(void *ctx, enum status status)
{
    struct batcher *batcher = ctx;
    answer_all_waiting(&batcher->waiting[BATCH_INCREMENT], status);
}

/* --- sent --------------------------------------------------------------------------------------------------------- */

static void sent_batch_free(struct sent_batch *batch)
{
    struct batcher *batcher = batch->batcher;
    if (batch->previous != NULL) {
        batch->previous->next = batch->next;
    } else {
        batcher->sent = batch->next;
    }
    if (batch->next != NULL) {
        batch->next->previous = batch->previous;
    }
    free(batch);
}

/* The call ended: each entry gets its result. Returns whether the outcome of every item is known. */
static bool answer_results(struct sent_batch *batch, enum status status)
{
    bool known = true;
    struct operation unwanted = {0};
    for (size_t i = 0; i < batch->count; i++) {
        const bool is_wanted = batch->entries[i].submission != NULL;
        struct operation *operation = is_wanted ? batch->entries[i].operation : &unwanted;
        const enum status result =
            status == STATUS_OK ? batch_message_result(batch->batcher->message, batch->kind, i, operation) : status;
        known = known && status_outcome(result) != OUTCOME_UNKNOWN;
        if (is_wanted) {
            answer(&batch->entries[i], result);
        }
    }
    return known;
}

/* The service wrote nothing, for the sake of the session alone: another one will do. The status says not applied, so no
 * attempt of this call ended unknown, and the call is over: it will not be sent again. */
static bool failed_by_session(const struct sent_batch *batch, enum status status)
{
    return batch->kind == BATCH_INCREMENT && (status == STATUS_NO_SESSION || status == STATUS_KEY_REUSED);
}

/* What was not answered waits again. */
static void wait_for_next_session(struct sent_batch *batch)
{
    struct waiting_line *line = &batch->batcher->waiting[batch->kind];
    session_lost(batch->batcher->session, &batch->place);
    if (waiting_line_reserve(line, batch->count) == 0) {
        waiting_line_put_back(line, batch->entries, batch->count);
    } else {
        answer_late_entries(batch->entries, batch->count, INT64_MAX, STATUS_SHED);
    }
}

static void on_call_done(void *ctx, enum status status, grpc_byte_buffer *reply)
{
    struct sent_batch *batch = ctx;
    struct batcher *batcher = batch->batcher;
    if (status == STATUS_OK && batch_message_read_reply(batcher->message, batch->kind, reply, batch->count) != 0) {
        status = STATUS_REPLY_LOST; /* not what a counter-service answers: nothing is known */
    }
    if (failed_by_session(batch, status)) {
        wait_for_next_session(batch);
    } else {
        const bool known = answer_results(batch, status);
        if (batch->kind == BATCH_INCREMENT) {
            session_give_back(batcher->session, &batch->place, known);
        }
    }
    sent_batch_free(batch);
}

/* Moves up to BATCH_ITEMS_MAX waiting entries into a new batch. NULL when out of memory. */
static struct sent_batch *take_waiting(struct batcher *batcher, enum batch_kind kind, int64_t now_us)
{
    struct waiting_line *line = &batcher->waiting[kind];
    size_t count = waiting_line_count(line);
    count = count > BATCH_ITEMS_MAX ? BATCH_ITEMS_MAX : count;
    struct sent_batch *batch = malloc(sizeof(*batch) + count * sizeof(batch->entries[0]));
    if (batch == NULL) {
        return NULL;
    }
    *batch =
        (struct sent_batch){.next = batcher->sent, .batcher = batcher, .kind = kind, .sent_us = now_us, .count = count};
    memcpy(batch->entries, line->entries + line->first, count * sizeof(batch->entries[0]));
    if (batch->next != NULL) {
        batch->next->previous = batch;
    }
    batcher->sent = batch;
    waiting_line_drop_first(line, count);
    if (kind == BATCH_INCREMENT) {
        session_take(batcher->session, &batch->place);
    }
    return batch;
}

static int start_call(struct sent_batch *batch, int64_t now_us)
{
    struct batch_message *message = batch->batcher->message;
    int64_t latest_us = 0;
    batch->earliest_us = INT64_MAX;
    batch_message_clear(message);
    for (size_t i = 0; i < batch->count; i++) {
        assert(batch->entries[i].submission != NULL); /* nothing of it was answered yet */
        const int64_t deadline_us = batch->entries[i].submission->deadline_us;
        latest_us = deadline_us > latest_us ? deadline_us : latest_us;
        batch->earliest_us = earlier(batch->earliest_us, deadline_us);
        batch_message_add(message, batch->kind, batch->entries[i].operation);
    }
    grpc_byte_buffer *packed = batch_message_pack(message, batch->kind, &batch->place);
    if (packed == NULL) {
        return -1;
    }
    batch->call = client_call_start(batch->batcher->client, rpc_of_kind[batch->kind], packed, now_us, latest_us,
                                    on_call_done, batch);
    return batch->call == NULL ? -1 : 0;
}

/* One RPC with what waits, as much as fits. False when out of memory. */
static bool send_one(struct batcher *batcher, enum batch_kind kind, int64_t now_us)
{
    struct sent_batch *batch = take_waiting(batcher, kind, now_us);
    if (batch == NULL) {
        return false;
    }
    metrics_observe(batcher->size[kind], (double)batch->count);
    if (start_call(batch, now_us) == 0) {
        return true;
    }
    if (kind == BATCH_INCREMENT) {
        session_give_back(batcher->session, &batch->place, true); /* it never left */
    }
    answer_late_entries(batch->entries, batch->count, INT64_MAX, STATUS_SHED);
    sent_batch_free(batch);
    return false;
}

/* Until when the RPCs of this kind that are out keep the next one back; 0: they do not. */
static int64_t held_back_until(const struct batcher *batcher, enum batch_kind kind, int64_t now_us)
{
    size_t rpcs = 0;
    size_t items = 0;
    int64_t until_us = 0;
    const struct sent_batch *batch = batcher->sent; /* the youngest */
    for (; batch != NULL && batch->sent_us + YOUNG_RPC_US > now_us && rpcs < YOUNG_RPCS_MAX; batch = batch->next) {
        if (batch->kind == kind) {
            rpcs++;
            items += batch->count;
            until_us = batch->sent_us + YOUNG_RPC_US;
        }
    }
    const bool few_wait = 2 * waiting_line_count(&batcher->waiting[kind]) < items;
    return rpcs == YOUNG_RPCS_MAX || few_wait ? until_us : 0;
}

static int64_t answer_late_sent(struct batcher *batcher, int64_t now_us)
{
    int64_t next_us = INT64_MAX;
    for (struct sent_batch *batch = batcher->sent; batch != NULL; batch = batch->next) {
        if (batch->earliest_us <= now_us) {
            batch->earliest_us = answer_late_entries(batch->entries, batch->count, now_us, STATUS_DEADLINE_EXCEEDED);
        }
        next_us = earlier(next_us, batch->earliest_us);
    }
    return next_us;
}

/* Sends what may leave. Returns when it wants to be called again for this kind. */
static int64_t send_waiting(struct batcher *batcher, enum batch_kind kind, int64_t now_us)
{
    struct waiting_line *line = &batcher->waiting[kind];
    const int64_t late_us = answer_late_waiting(line, now_us);
    int64_t next_us = INT64_MAX;
    while (waiting_line_count(line) > 0) {
        const int64_t held_us = held_back_until(batcher, kind, now_us);
        if (held_us > 0) {
            return earlier(next_us, earlier(late_us, held_us));
        }
        if (kind == BATCH_INCREMENT && !session_has_place(batcher->session)) {
            return earlier(next_us, late_us); /* the end of a call gives it one */
        }
        if (!send_one(batcher, kind, now_us)) {
            return now_us;
        }
        next_us = earlier(next_us, batcher->sent->earliest_us);
    }
    return next_us;
}

int64_t batcher_turn(struct batcher *batcher, int64_t now_us)
{
    const bool increments_wait = waiting_line_count(&batcher->waiting[BATCH_INCREMENT]) > 0;
    int64_t next_us = session_turn(batcher->session, increments_wait, now_us);
    next_us = earlier(next_us, answer_late_sent(batcher, now_us));
    for (enum batch_kind kind = 0; kind < BATCH_KINDS; kind++) {
        next_us = earlier(next_us, send_waiting(batcher, kind, now_us));
    }
    return next_us;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void batcher_abort(struct batcher *batcher)
{
    for (enum batch_kind kind = 0; kind < BATCH_KINDS; kind++) {
        answer_all_waiting(&batcher->waiting[kind], STATUS_DRAINING);
    }
    while (batcher->sent != NULL) {
        struct sent_batch *batch = batcher->sent;
        client_call_abandon(batch->call);
        if (batch->kind == BATCH_INCREMENT) {
            session_give_back(batcher->session, &batch->place, false);
        }
        answer_late_entries(batch->entries, batch->count, INT64_MAX, STATUS_DEADLINE_EXCEEDED);
        sent_batch_free(batch);
    }
}

struct batcher *batcher_create(struct counter_client *client)
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
    for (enum batch_kind kind = 0; kind < BATCH_KINDS; kind++) {
        waiting_line_done(&batcher->waiting[kind]);
    }
    session_free(batcher->session);
    batch_message_free(batcher->message);
    free(batcher);
}
