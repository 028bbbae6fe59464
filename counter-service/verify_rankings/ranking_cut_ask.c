#include <inttypes.h>
#include <stdio.h>

#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/verify_rankings/ranking_cut_parts.h"

enum {
    /* Fields that a transaction asks for. */
    ANSWERS_MAX = 4000,
    STREAM_ID_SIZE = 2 * (DECIMAL_LEN_MAX + 1),
};

int64_t ranking_cut_buckets(const struct ranked_window *ranked)
{
    return ranked->board.newest >= ranked->board.oldest ? ranked->board.newest - ranked->board.oldest + 1 : 0;
}

size_t ranking_cut_room(const struct ranking_cut *cut, size_t type, enum ranking_scope scope)
{
    const struct ranked_type *ranked_type = &cut->state->types[type];
    size_t answers = 1;
    for (size_t i = 0; i < ranked_type->window_count; i++) {
        const struct ranked_window *ranked = &ranked_type->windows[i];
        if (ranking_is_in_scope(ranked, scope)) {
            answers += ranked->window.kind == RANKING_KIND_ROLLING ? (size_t)ranking_cut_buckets(ranked) : 0;
        }
    }
    const size_t room = ANSWERS_MAX / answers;
    return room < 1 ? 1 : room > RANKING_CUT_MAX ? RANKING_CUT_MAX : room;
}

/* "VERB key id id ..." */
static void put_of_each(struct buffer *out, const struct ranking_state *state, struct text verb, struct text key,
                        const struct text *ids, size_t count)
{
    resp_put_array(out, 2 + count);
    resp_put_string(out, verb);
    redis_key_put_single(out, &state->prefix, key);
    for (size_t i = 0; i < count; i++) {
        resp_put_string(out, ids[i]);
    }
}

static void put_key(struct buffer *out, const struct ranking_state *state, struct text verb, struct text key)
{
    put_of_each(out, state, verb, key, NULL, 0);
}

/* Returns how many commands they are. */
static size_t put_state_questions(struct buffer *out, const struct ranking_state *state)
{
    char id[STREAM_ID_SIZE];
    const struct text last_number = TEXT("n");
    const int len = snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, state->at.id.ms, state->at.id.seq);
    const struct text range[] = {{id, (size_t)len}, TEXT("+"), TEXT("COUNT")};
    put_key(out, state, TEXT("HGETALL"), RANKING_STATE_KEY);
    put_of_each(out, state, TEXT("HMGET"), outbox_marks, &last_number, 1);
    resp_put_array(out, 6);
    resp_put_string(out, TEXT("XRANGE"));
    redis_key_put_single(out, &state->prefix, outbox_stream);
    for (size_t i = 0; i < 3; i++) {
        resp_put_string(out, range[i]);
    }
    resp_put_integer(out, RANKING_WAITING_MAX);
    return RANKING_STATE_ANSWERS;
}

/* Of each top its string's length, and what was added to it. */
static size_t put_top_questions(const struct ranking_cut *cut, size_t type, size_t window)
{
    char key[RANKING_KEY_SIZE];
    struct buffer *out = &cut->reader->requests;
    const struct ranked_window *ranked = &cut->state->types[type].windows[window];
    const size_t slots = ranking_slot_count(&ranked->window);
    for (size_t slot = 0; slot < slots; slot++) {
        const struct text top = ranking_top_key(key, ranked->counter_type, &ranked->window, slot);
        put_key(out, cut->state, TEXT("STRLEN"), top);
        resp_put_array(out, 4);
        resp_put_string(out, TEXT("GETRANGE"));
        redis_key_put_single(out, &cut->state->prefix, top);
        resp_put_integer(out, ranking_cut_copy(cut, type, window, slot)->length);
        resp_put_integer(out, -1);
    }
    return slots * RANKING_TOP_ANSWERS;
}

static size_t put_bucket_questions(struct buffer *out, const struct ranking_state *state,
                                   const struct ranked_window *ranked, const struct text *ids, size_t count)
{
    char key[RANKING_KEY_SIZE];
    size_t commands = 0;
    if (ranked->window.kind == RANKING_KIND_ROLLING) {
        for (int64_t bucket = ranked->board.oldest; bucket <= ranked->board.newest; bucket++, commands++) {
            const struct text hash = ranking_bucket_key(key, ranked->counter_type, &ranked->window, bucket);
            put_of_each(out, state, TEXT("HMGET"), hash, ids, count);
        }
    }
    return commands;
}

static size_t put_source_questions(struct buffer *out, const struct ranking_state *state,
                                   const struct ranked_type *type, enum ranking_scope scope, const struct text *ids,
                                   size_t count)
{
    char key[RANKING_KEY_SIZE];
    if (scope == RANKING_OF_RECORDS) {
        put_of_each(out, state, TEXT("HMGET"), ranking_records_key(key, type->counter_type), ids, count);
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        resp_put_array(out, 3);
        resp_put_string(out, TEXT("HMGET"));
        redis_key_put_counters(out, &state->prefix, ids[i]);
        resp_put_string(out, type->counter_type);
    }
    return count;
}

size_t ranking_cut_ask(struct ranking_cut *cut, size_t type, enum ranking_scope scope, const struct text *ids,
                       size_t count)
{
    struct buffer *out = &cut->reader->requests;
    const struct ranked_type *ranked_type = &cut->state->types[type];
    buffer_clear(out, SIZE_MAX);
    redis_command_words(out, TEXT("MULTI"));
    size_t commands = put_state_questions(out, cut->state);
    commands += put_source_questions(out, cut->state, ranked_type, scope, ids, count);
    for (size_t i = 0; i < ranked_type->window_count; i++) {
        if (ranking_is_in_scope(&ranked_type->windows[i], scope)) {
            commands += put_top_questions(cut, type, i);
            commands += put_bucket_questions(out, cut->state, &ranked_type->windows[i], ids, count);
        }
    }
    redis_command_words(out, TEXT("EXEC"));
    return commands;
}
