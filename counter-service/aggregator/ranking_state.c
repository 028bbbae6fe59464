#include "counter-service/aggregator/ranking_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/base/decimal.h"
#include "counter-service/aggregator/ranking_txn.h"
#include "counter-service/event/stream_id.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

/* Which boards the last writer has kept up: " like:day+0 like:60m ". */
#define FIELD_FED TEXT("fed")

enum {
    /* Of a state that begins in the midst of things: no event follows it. */
    NUMBER_UNKNOWN_BEFORE = -2,
    FED_SIZE = RANKING_KEY_SIZE + 8,
};

/* ---- init ---- */

static void init_type(struct ranked_type *type, const struct ranking_config *config)
{
    struct ranking_window windows[RANKING_WINDOWS_MAX];
    *type = (struct ranked_type){.counter_type = text_of(config->counter_type), .config = config};
    type->window_count = ranking_windows_of(config, windows);
    for (size_t i = 0; i < type->window_count; i++) {
        type->windows[i] =
            (struct ranked_window){.window = windows[i], .counter_type = type->counter_type, .keep = config->keep};
    }
}

int ranking_state_init(struct ranking_state *state, unsigned partition, const struct config *config,
                       struct error *error)
{
    uint8_t random[OUTBOX_TOKEN_LEN / 2];
    *state = (struct ranking_state){.prefix = redis_key_prefix_of((int)partition)};
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        error_set(error, "the kernel has no random numbers");
        return -1;
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(state->token + 2 * i, 3, "%02x", random[i]);
    }
    state->types = calloc(config->ranking_count, sizeof(*state->types));
    if (state->types == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    state->type_count = config->ranking_count;
    for (size_t i = 0; i < state->type_count; i++) {
        init_type(&state->types[i], &config->rankings[i]);
    }
    return 0;
}

void ranking_state_done(struct ranking_state *state)
{
    free(state->types);
    state->types = NULL;
}

int64_t ranking_state_next(const struct ranking_state *state)
{
    int64_t next_ms = INT64_MAX;
    RANKED_EACH(state, ranked)
    {
        if (ranked->window.kind != RANKING_KIND_ALL) {
            const int64_t begins_ms = ranking_period_start(&ranked->window, ranked->board.period + 1);
            next_ms = begins_ms < next_ms ? begins_ms : next_ms;
        }
    }
    return next_ms;
}

struct ranked_type *ranking_state_find(const struct ranking_state *state, struct text counter_type)
{
    for (size_t i = 0; i < state->type_count; i++) {
        if (text_equal(state->types[i].counter_type, counter_type)) {
            return &state->types[i];
        }
    }
    return NULL;
}

/* ---- what Redis has ---- */

/* The value of a field in HGETALL's answer; empty if it is not there. */
static struct text field_of(const struct redis_reply *fields, struct text name)
{
    for (size_t i = 0; i + 1 < fields->element_count; i += 2) {
        if (text_equal(redis_reply_element(fields, i).text, name)) {
            return redis_reply_element(fields, i + 1).text;
        }
    }
    return (struct text){NULL, 0};
}

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
    if (!ranking_board_read(field_of(fields, ranking_board_field(name, ranked->counter_type, &ranked->window)),
                            board)) {
        return false;
    }
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        const struct text field = ranking_top_field(name, ranked->counter_type, &ranked->window, slot);
        if (!ranking_top_read(field_of(fields, field), &board->tops[slot])) {
            return false;
        }
    }
    return true;
}

static struct text fed_name(char out[FED_SIZE], const struct ranked_window *ranked)
{
    const int len = snprintf(out, FED_SIZE, " %.*s:%s%+d ", (int)ranked->counter_type.len, ranked->counter_type.data,
                             ranked->window.key, ranked->window.utc_offset_min);
    return (struct text){out, (size_t)len};
}

static bool was_fed(const struct ranked_window *ranked, struct text fed)
{
    char name[FED_SIZE];
    const struct text wanted = fed_name(name, ranked);
    return fed.len > 0 && memmem(fed.data, fed.len, wanted.data, wanted.len) != NULL;
}

/* ---- what begins now ---- */

/* since_ms: INT64_MIN if nothing is missing. */
static void begin_window(struct ranked_window *ranked, int64_t time_ms, int64_t since_ms)
{
    const int64_t period = ranking_period_at(&ranked->window, time_ms);
    ranked->board = (struct ranking_board){.period = period, .oldest = period, .newest = period - 1};
    for (size_t slot = 0; slot < RANKING_SLOTS; slot++) {
        ranked->board.tops[slot].since_ms = since_ms;
    }
    if (ranked->window.kind == RANKING_KIND_ALL && since_ms != INT64_MIN) {
        ranked->board.tops[0] = ranking_top_unfilled(since_ms);
        ranked->board.filling = true;
    }
}

/* The events since some time may be missing: another leader did not count them. */
static void resume_window(struct ranked_window *ranked, int64_t time_ms)
{
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        ranked->board.tops[slot].since_ms = time_ms;
    }
    if (ranked->window.kind == RANKING_KIND_ALL) {
        ranked->board.tops[0] = ranking_top_unfilled(time_ms);
        ranked->board.filling = true;
    }
}

static void put_window(struct ranking_txn *txn, const struct ranking_state *state, const struct ranked_window *ranked,
                       bool begins)
{
    char key[RANKING_KEY_SIZE];
    ranking_txn_put_board(txn, ranked);
    for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
        ranking_txn_put_top(txn, ranked, slot);
        if (begins || ranked->window.kind == RANKING_KIND_ALL) {
            const struct text top = ranking_top_key(key, ranked->counter_type, &ranked->window, slot);
            ranking_txn_add_plain(txn, state, TEXT("UNLINK"), top, NULL, 0);
        }
    }
}

static void put_fed(struct ranking_txn *txn, const struct ranking_state *state)
{
    struct buffer fed;
    char name[FED_SIZE];
    buffer_init(&fed);
    RANKED_EACH(state, ranked)
    {
        buffer_append_text(&fed, fed_name(name, ranked));
    }
    ranking_words_put(&txn->fields, FIELD_FED);
    ranking_words_put(&txn->fields, (struct text){fed.data, fed.len});
    txn->requests.failed |= fed.failed;
    buffer_done(&fed);
}

/* ---- load ---- */

static int read_counts(struct ranking_state *state, struct ranking_txn *txn)
{
    char key[RANKING_KEY_SIZE];
    RANKED_EACH(state, ranked)
    {
        for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
            const struct text top = ranking_top_key(key, ranked->counter_type, &ranked->window, slot);
            ranking_txn_count(txn, state, top, &ranked->members[slot]);
        }
    }
    return 0;
}

static void begin_records(struct ranking_txn *txn, const struct ranking_state *state)
{
    char key[RANKING_KEY_SIZE];
    for (size_t i = 0; i < state->type_count; i++) {
        const struct text records = ranking_records_key(key, state->types[i].counter_type);
        ranking_txn_add_plain(txn, state, TEXT("UNLINK"), records, NULL, 0);
    }
}

/* nothing_before: of a state that is not there yet. */
static void take_fields(struct ranking_state *state, struct ranking_txn *txn, const struct redis_reply *fields,
                        const struct outbox_position *position, bool nothing_before)
{
    const struct text fed = field_of(fields, FIELD_FED);
    const bool exists = read_at(field_of(fields, RANKING_FIELD_AT), &state->at) &&
                        decimal_parse(field_of(fields, RANKING_FIELD_TIME), &state->time_ms);
    if (!exists) {
        state->at = *position;
        state->time_ms = (int64_t)position->id.ms;
        state->at.number = nothing_before ? position->number : (uint64_t)NUMBER_UNKNOWN_BEFORE;
        begin_records(txn, state);
    }
    const int64_t since_ms = exists ? state->time_ms : nothing_before ? INT64_MIN : INT64_MAX;
    RANKED_EACH(state, ranked)
    {
        ranked->has_fresh = false;
        const bool begins = !exists || !read_window(ranked, fields);
        if (begins) {
            begin_window(ranked, state->time_ms, since_ms);
        } else if (!was_fed(ranked, fed)) {
            resume_window(ranked, state->time_ms);
        } else {
            continue;
        }
        put_window(txn, state, ranked, begins);
    }
}

/* Whether no counter is there. A store that holds many keys has some. */
static bool is_untouched(const struct redis_reply *scan)
{
    return scan->type == REDIS_ARRAY && scan->element_count == 2 &&
           text_equal(redis_reply_element(scan, 0).text, TEXT("0")) && redis_reply_element(scan, 1).element_count == 0;
}

static int ask(const struct ranking_state *state, const struct outbox_conn *conn, struct buffer *out,
               struct error *error)
{
    char pattern[REDIS_KEY_PREFIX_MAX + 4];
    const int len = snprintf(pattern, sizeof(pattern), "%.*sc:*", (int)state->prefix.len, state->prefix.data);
    ranking_txn_append_watch(out, state);
    redis_command_words(out, TEXT("SCAN"), TEXT("0"), TEXT("MATCH"), ((struct text){pattern, (size_t)len}),
                        TEXT("COUNT"), TEXT("1000"));
    resp_put_array(out, 2);
    resp_put_string(out, TEXT("HGETALL"));
    redis_key_put_single(out, &state->prefix, RANKING_STATE_KEY);
    return redis_command_begin(conn->redis, out, conn->timeout_ms, error);
}

static int load(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_conn *conn,
                const struct outbox_position *position, struct error *error)
{
    struct redis_reply watched;
    struct redis_reply scanned;
    struct redis_reply fields;
    buffer_clear(&txn->requests, 0);
    if (ask(state, conn, &txn->requests, error) != 0 ||
        redis_command_expect(conn->redis, "WATCH", &watched, error) != 0 ||
        redis_command_expect(conn->redis, "SCAN", &scanned, error) != 0) {
        return -1;
    }
    const bool nothing_before = position->number == 0 && is_untouched(&scanned);
    if (redis_command_expect(conn->redis, "HGETALL", &fields, error) != 0) {
        return -1;
    }
    ranking_txn_begin(txn);
    take_fields(state, txn, &fields, position, nothing_before);
    put_fed(txn, state);
    read_counts(state, txn);
    state->next_ms = ranking_state_next(state);
    state->is_loaded = true;
    return ranking_txn_commit(txn, state, conn, error);
}

int ranking_state_load(struct ranking_state *state, const struct outbox_conn *conn,
                       const struct outbox_position *position, struct error *error)
{
    struct ranking_txn txn;
    ranking_txn_init(&txn);
    const int result = load(state, &txn, conn, position, error);
    ranking_txn_done(&txn);
    return result;
}
