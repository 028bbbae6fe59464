#include "counter-service/board/ranking_load.h"

#include <stdio.h>

#include "common/base/decimal.h"
#include "common/log/log.h"
#include "counter-service/board/ranking_fed.h"
#include "counter-service/board/ranking_tops.h"
#include "counter-service/board/ranking_txn.h"
#include "counter-service/event/stream_id.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

/* ---- what Redis has ---- */

static bool read_at(struct text text, struct outbox_position *ret_at)
{
    const struct text id = text_cut(&text, ' ');
    return stream_id_parse(id, &ret_at->id) && decimal_parse_unsigned(text, UINT64_MAX, &ret_at->number);
}

/* False if the state has no such board. */
static bool read_window(struct ranked_window *ranked, const struct redis_reply *fields)
{
    char name[RANKING_KEY_SIZE];
    struct ranking_board *board = &ranked->board;
    if (!ranking_board_read(redis_reply_field(fields, ranking_board_field(name, ranked->counter_type, &ranked->window)),
                            board) ||
        !ranking_board_is_sane(board, &ranked->window)) {
        return false;
    }
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        const struct text field = ranking_top_field(name, ranked->counter_type, &ranked->window, slot);
        if (!ranking_top_read(redis_reply_field(fields, field), &board->tops[slot])) {
            return false;
        }
    }
    return true;
}

/* ---- what begins now ---- */

/* What is known before the windows are looked at. */
struct found {
    const struct redis_reply *fields;
    struct text fed;
    bool exists;
    bool is_uncounted;
    int64_t since_ms; /* of a window that begins; INT64_MIN: nothing is missing */
    int64_t now_ms;
};

static void begin_window(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                         const struct found *found)
{
    const int64_t since_ms = found->since_ms;
    const int64_t period = ranking_period_at(&ranked->window, state->time_ms);
    ranked->board = (struct ranking_board){.period = period, .oldest = period, .newest = period - 1};
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        /* Whoever remembers one of before must not take it for the same. */
        ranked->board.tops[slot].generation = found->now_ms;
        ranking_tops_empty(txn, state, ranked, slot, since_ms);
    }
    /* Counters or records may know who is in it. */
    if (ranked->window.kind == RANKING_KIND_ALL ? since_ms != INT64_MIN : found->exists) {
        ranking_tops_unfill(txn, state, ranked, since_ms);
    }
    if (ranked->window.kind == RANKING_KIND_ROLLING && found->exists) {
        /* Its board was lost: whatever its buckets hold is in the records' sums. */
        ranked->board.oldest = period > ranked->window.bucket_count ? period - ranked->window.bucket_count : 0;
        ranked->board.newest = period;
    }
    ranking_txn_put_board(txn, ranked);
}

/* The events since some time may be missing: another leader did not count them. */
static void resume_window(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                          int64_t time_ms)
{
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        ranked->board.tops[slot].since_ms = time_ms;
        ranking_txn_put_top(txn, ranked, slot);
    }
    /* The counters of "all" know better; and sums may have been told by a leader that did not keep this top up. */
    ranking_tops_unfill(txn, state, ranked, time_ms);
}

/* ---- load ---- */

static void put_fed(struct ranking_txn *txn, const struct ranking_state *state)
{
    struct buffer fed;
    buffer_init(&fed);
    ranking_fed_print(&fed, state);
    ranking_words_put(&txn->fields, RANKING_FIELD_FED);
    ranking_words_put(&txn->fields, (struct text){fed.data, fed.len});
    txn->requests.failed |= fed.failed;
    buffer_done(&fed);
}

/* The buckets that a rolling window may have. */
static void drop_buckets(struct ranking_txn *txn, const struct ranking_state *state, const struct ranked_window *ranked)
{
    char key[RANKING_KEY_SIZE];
    const int64_t period = ranking_period_at(&ranked->window, state->time_ms);
    for (int64_t i = 0; i < ranked->window.bucket_count; i++) {
        const struct text bucket = ranking_bucket_key(key, ranked->counter_type, &ranked->window, period - i);
        ranking_txn_add_plain(txn, state, TEXT("UNLINK"), bucket, NULL, 0);
    }
}

static void begin_records(struct ranking_txn *txn, const struct ranking_state *state)
{
    char key[RANKING_KEY_SIZE];
    for (size_t i = 0; i < state->type_count; i++) {
        const struct text records = ranking_records_key(key, state->types[i].counter_type);
        ranking_txn_add_plain(txn, state, TEXT("UNLINK"), records, NULL, 0);
    }
    RANKED_EACH (state, ranked) {
        drop_buckets(txn, state, ranked);
    }
}

/* One that cannot be read, or began elsewhere (a leader of a version that knows none has gone on), tells nobody which
 * records have more than the others. */
static void take_part(struct ranking_state *state, struct ranking_txn *txn, struct found *found)
{
    const struct text text = redis_reply_field(found->fields, RANKING_FIELD_PART);
    const bool is_one = ranking_part_read(text, &state->part) &&
                        (state->part.lanes == 0 || (found->exists && state->part.before == (int64_t)state->at.number));
    if (!is_one) {
        state->part = (struct ranking_part){.lanes = 0};
        found->is_uncounted = true;
        ranking_txn_put_part(txn, state);
    }
}

static void take_state(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_position *position,
                       struct found *found)
{
    const struct redis_reply *fields = found->fields;
    const bool nothing_before = position->number == 0 && redis_reply_field(fields, RANKING_FIELD_NEW).len > 0;
    found->fed = redis_reply_field(fields, RANKING_FIELD_FED);
    found->is_uncounted = redis_reply_field(fields, RANKING_FIELD_UNCOUNTED).len > 0 || state->is_torn;
    found->exists = read_at(redis_reply_field(fields, RANKING_FIELD_AT), &state->at) &&
                    decimal_parse(redis_reply_field(fields, RANKING_FIELD_TIME), &state->time_ms) &&
                    state->time_ms >= 0 && state->time_ms <= RANKING_TIME_MAX_MS;
    take_part(state, txn, found);
    if (!found->exists) {
        state->at = *position;
        state->time_ms = ranking_time_of(position->id.ms);
        state->at.number = nothing_before ? position->number : RANKING_NUMBER_UNKNOWN;
        begin_records(txn, state);
    }
    const int64_t unknown_ms = nothing_before ? INT64_MIN : INT64_MAX;
    found->since_ms = found->exists ? ranking_state_missing_ms(state) : unknown_ms;
    if (found->is_uncounted) {
        const struct text field = RANKING_FIELD_UNCOUNTED;
        ranking_txn_add_plain(txn, state, TEXT("HDEL"), RANKING_STATE_KEY, &field, 1);
    }
}

static void take_windows(struct ranking_state *state, struct ranking_txn *txn, const struct found *found)
{
    RANKED_EACH (state, ranked) {
        ranked->has_fresh = false;
        ranking_table_clear(&ranked->fresh);
        if (!found->exists || !read_window(ranked, found->fields)) {
            begin_window(txn, state, ranked, found);
        } else if (found->is_uncounted || !ranking_fed_has_window(found->fed, ranked->counter_type, &ranked->window)) {
            const bool is_later = found->is_uncounted && found->now_ms >= found->since_ms;
            resume_window(txn, state, ranked, is_later ? found->now_ms + 1 : found->since_ms);
        }
    }
}

/* Those that nobody knows are to be made anew. */
static int read_tops(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_conn *conn,
                     struct error *error)
{
    int result = 0;
    struct buffer requests;
    buffer_init(&requests);
    RANKED_EACH (state, ranked) {
        bool is_whole = true;
        if (result == 0) {
            result = ranking_tops_read(state, ranked, conn, &requests, &is_whole, error);
        }
        if (result == 0 && !is_whole) {
            log_warn("rankings", "a top is damaged: it is made anew", LOG_STR("window", ranked->window.name));
            ranking_tops_unfill(txn, state, ranked, ranked_top(ranked)->since_ms);
        }
    }
    buffer_done(&requests);
    return result;
}

/* From here on nobody else has written, and the store is the one that the connection was made to. */
static int watch(const struct ranking_state *state, const struct outbox_conn *conn, struct buffer *out,
                 struct error *error)
{
    struct redis_reply watched;
    buffer_clear(out, 0);
    redis_command_words(out, TEXT("UNWATCH")); /* of another partition's state */
    ranking_txn_append_watch(out, state, conn->is_cluster);
    return redis_command_begin(conn->redis, out, conn->timeout_ms, error) == 0 &&
                   redis_command_expect(conn->redis, "UNWATCH", &watched, error) == 0 &&
                   redis_command_expect(conn->redis, "WATCH", &watched, error) == 0
               ? outbox_conn_check_store(conn, &state->prefix, error)
               : -1;
}

static int ask(const struct ranking_state *state, const struct outbox_conn *conn, struct buffer *out,
               struct redis_reply *ret_fields, struct error *error)
{
    buffer_clear(out, 0);
    resp_put_array(out, 2);
    resp_put_string(out, TEXT("HGETALL"));
    redis_key_put_single(out, &state->prefix, RANKING_STATE_KEY);
    return redis_command_begin(conn->redis, out, conn->timeout_ms, error) == 0
               ? redis_command_expect(conn->redis, "HGETALL", ret_fields, error)
               : -1;
}

static int load_with(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_conn *conn,
                     const struct outbox_position *position, int64_t now_ms, struct error *error)
{
    struct redis_reply fields;
    struct found found = {.fields = &fields, .now_ms = now_ms};
    if (watch(state, conn, &txn->requests, error) != 0 || ask(state, conn, &txn->requests, &fields, error) != 0) {
        return -1;
    }
    ranking_txn_begin(txn);
    take_state(state, txn, position, &found);
    take_windows(state, txn, &found);
    put_fed(txn, state);
    if (read_tops(state, txn, conn, error) != 0) {
        return -1;
    }
    state->next_ms = ranking_state_next(state);
    state->is_loaded = true;
    if (ranking_txn_commit(txn, state, conn, error) != 0) {
        return -1;
    }
    state->is_torn = false;
    return 0;
}

int ranking_load(struct ranking_state *state, const struct outbox_conn *conn, const struct outbox_position *position,
                 int64_t now_ms, struct error *error)
{
    struct ranking_txn txn;
    ranking_txn_init(&txn);
    const int result = load_with(state, &txn, conn, position, now_ms, error);
    ranking_txn_done(&txn);
    return result;
}
