#include "counter-service/board/ranking_tops.h"

#include "counter-service/ranking/ranking_places.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

enum {
    /* A string may be so much longer than one written as a whole. */
    GROWS_TO = 2,
    GROWS_BY = 16 * 1024,
    UNTOLD_KEEP_BYTES = 64 * 1024,
};

static struct text key_of(char *out, const struct ranked_window *ranked, size_t slot)
{
    return ranking_top_key(out, ranked->counter_type, &ranked->window, slot);
}

/* ---- read ---- */

/* False if the text is damaged, or memory ran out: that is told by *ret_failed. */
static bool take_places(struct ranking_table *table, struct text text, bool *ret_failed)
{
    struct text id;
    int64_t score;
    int next;
    *ret_failed = false;
    if (ranking_places_open(&text) != 0) {
        return false;
    }
    while ((next = ranking_places_next(&text, &id, &score)) > 0) {
        if (ranking_table_put(table, id, score) < 0) {
            *ret_failed = true;
            return false;
        }
    }
    return next == 0;
}

static void append_members(struct buffer *out, const struct ranking_table *table)
{
    ranking_places_begin(out);
    for (size_t i = 0; i < table->bucket_count; i++) {
        ranking_table_prepare_walk(table, i);
        for (const struct ranking_member *member = table->buckets[i]; member != NULL; member = member->next) {
            ranking_places_put(out, ranking_member_id(member), member->score);
        }
    }
}

/* How long a string may get, of which so much was written as a whole. */
static int64_t length_max_of(int64_t whole)
{
    return GROWS_TO * whole + GROWS_BY;
}

static int64_t whole_length(const struct ranking_table *table)
{
    struct buffer whole;
    buffer_init(&whole);
    append_members(&whole, table);
    const int64_t length = (int64_t)whole.len;
    buffer_done(&whole);
    return length;
}

/* Whether the answer to GET is the string of the top. Returns 1 or 0, or -1 when out of memory. */
static int take_string(struct ranking_table *table, const struct ranking_top *top, const struct redis_reply *reply)
{
    bool failed;
    if (reply->type == REDIS_ERROR) {
        return 0; /* the key is of another type */
    }
    const bool is_read = take_places(table, reply->text, &failed);
    if (failed) {
        return -1;
    }
    return is_read && (int64_t)reply->text.len == top->length && (int64_t)table->count == top->members;
}

static int ask(const struct ranking_state *state, const struct ranked_window *ranked, const struct outbox_conn *conn,
               struct buffer *requests, struct redis_reply *ret_reply, struct error *error)
{
    char key[RANKING_KEY_SIZE];
    buffer_clear(requests, 0);
    resp_put_array(requests, 2);
    resp_put_string(requests, TEXT("GET"));
    redis_key_put_single(requests, &state->prefix, key_of(key, ranked, ranked_slot(ranked)));
    if (redis_command_begin(conn->redis, requests, conn->timeout_ms, error) != 0) {
        return -1;
    }
    if (redis_conn_next(conn->redis, ret_reply) != 0) {
        error_set(error, "%s", redis_conn_error(conn->redis));
        return -1;
    }
    return 0;
}

int ranking_tops_read(const struct ranking_state *state, struct ranked_window *ranked, const struct outbox_conn *conn,
                      struct buffer *requests, bool *ret_is_whole, struct error *error)
{
    struct redis_reply reply;
    struct ranking_table *table = &ranked->table;
    const struct ranking_top *top = &ranked->board.tops[ranked_slot(ranked)];
    int is_whole = top->members == 0;
    ranking_table_clear(table);
    buffer_clear(&ranked->untold, UNTOLD_KEEP_BYTES);
    if (top->length > 0) {
        if (ask(state, ranked, conn, requests, &reply, error) != 0) {
            return -1;
        }
        is_whole = take_string(table, top, &reply);
    }
    if (is_whole < 0) {
        error_set(error, "out of memory");
        return -1;
    }
    *ret_is_whole = is_whole > 0;
    table->is_bounded = top->is_bounded;
    table->floor = top->floor;
    ranked->length_max = length_max_of(whole_length(table));
    return 0;
}

/* ---- write ---- */

/* The top is what the table is. */
static void put_running(struct ranking_txn *txn, struct ranked_window *ranked)
{
    struct ranking_top *top = ranked_top(ranked);
    top->members = (int64_t)ranked->table.count;
    top->is_bounded = ranked->table.is_bounded;
    top->floor = ranked->table.floor;
    ranking_txn_put_top(txn, ranked, ranked_slot(ranked));
}

void ranking_tops_empty(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                        size_t slot, int64_t since_ms)
{
    char key[RANKING_KEY_SIZE];
    struct ranking_top *top = &ranked->board.tops[slot];
    *top = (struct ranking_top){.since_ms = since_ms, .generation = top->generation + 1};
    ranking_txn_add_plain(txn, state, TEXT("UNLINK"), key_of(key, ranked, slot), NULL, 0);
    ranking_txn_put_top(txn, ranked, slot);
    if (slot == ranked_slot(ranked)) {
        ranking_table_clear(&ranked->table);
        buffer_clear(&ranked->untold, UNTOLD_KEEP_BYTES);
    }
}

void ranking_tops_unfill(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked,
                         int64_t since_ms)
{
    ranking_tops_empty(txn, state, ranked, ranked_slot(ranked), since_ms);
    ranking_table_clear_unfilled(&ranked->table);
    ranked->board.filling = true;
    put_running(txn, ranked);
    ranking_txn_put_board(txn, ranked);
}

static void put_string(struct ranking_txn *txn, const struct ranking_state *state, const struct ranked_window *ranked,
                       struct text verb, const struct buffer *value)
{
    char key[RANKING_KEY_SIZE];
    const struct text word = {value->data, value->len};
    ranking_txn_add_plain(txn, state, verb, key_of(key, ranked, ranked_slot(ranked)), &word, 1);
    txn->requests.failed |= value->failed;
}

void ranking_tops_write(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked)
{
    struct buffer whole;
    struct ranking_top *top = ranked_top(ranked);
    buffer_init(&whole);
    append_members(&whole, &ranked->table);
    put_string(txn, state, ranked, TEXT("SET"), &whole);
    top->generation++;
    top->length = (int64_t)whole.len;
    ranked->length_max = length_max_of(top->length);
    txn->wholes++;
    buffer_clear(&ranked->untold, UNTOLD_KEEP_BYTES);
    put_running(txn, ranked);
    buffer_done(&whole);
}

/* One a transaction, not to make it long, unless it cannot wait. */
static bool is_due(const struct ranking_txn *txn, const struct ranked_window *ranked, int64_t length)
{
    const struct ranking_table *table = &ranked->table;
    if (txn->wholes == 0) {
        return ranking_table_is_large(table) || length > ranked->length_max;
    }
    return table->count > 2 * table->keep || length > 2 * ranked->length_max;
}

void ranking_tops_add(struct ranking_txn *txn, const struct ranking_state *state, struct ranked_window *ranked)
{
    struct ranking_top *top = ranked_top(ranked);
    const int64_t length = top->length + (int64_t)ranked->untold.len;
    if (top->length == 0 || is_due(txn, ranked, length)) {
        txn->requests.failed |= ranking_table_is_large(&ranked->table) && ranking_table_trim(&ranked->table) != 0;
        ranking_tops_write(txn, state, ranked);
        return;
    }
    top->length = length;
    put_string(txn, state, ranked, TEXT("APPEND"), &ranked->untold);
    buffer_clear(&ranked->untold, UNTOLD_KEEP_BYTES);
    ranking_txn_expect(txn, length);
    put_running(txn, ranked);
}

void ranking_tops_mark(struct ranking_txn *txn, struct ranked_type *type, int64_t missing_ms)
{
    for (size_t i = 0; i < type->window_count; i++) {
        struct ranked_window *ranked = &type->windows[i];
        for (size_t slot = 0; ranked->window.kind != RANKING_KIND_ALL && slot < ranking_slot_count(&ranked->window);
             slot++) {
            struct ranking_top *top = &ranked->board.tops[slot];
            if (missing_ms > top->since_ms) { /* or they are told so already */
                top->since_ms = missing_ms;
                ranking_txn_put_top(txn, ranked, slot);
            }
        }
    }
}
