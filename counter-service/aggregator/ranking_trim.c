#include "counter-service/aggregator/ranking_trim.h"

#include "common/base/decimal.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

enum {
    /* Members over `keep`, so that not every newcomer costs a trim. */
    SLACK = 128,
    /* What leaves at once: Redis takes half a microsecond for each. */
    LEAVING_MAX = 1000,
};

/* A set that may be trimmed. */
struct trimmed_set {
    struct ranked_window *ranked;
    bool is_fresh;
    size_t slot; /* unless is_fresh */
};

static int64_t *members_of(const struct trimmed_set *set)
{
    return set->is_fresh ? &set->ranked->fresh_members : &set->ranked->members[set->slot];
}

static struct text key_of(char *out, const struct trimmed_set *set)
{
    const struct ranked_window *ranked = set->ranked;
    return set->is_fresh ? ranking_fresh_key(out, ranked->counter_type, &ranked->window)
                         : ranking_top_key(out, ranked->counter_type, &ranked->window, set->slot);
}

static bool is_large(const struct trimmed_set *set)
{
    return *members_of(set) > set->ranked->keep + SLACK;
}

static bool find_large(struct ranking_state *state, struct trimmed_set *ret_set)
{
    RANKED_EACH (state, ranked) {
        for (size_t slot = 0; slot < ranking_slot_count(&ranked->window); slot++) {
            *ret_set = (struct trimmed_set){ranked, false, slot};
            if (is_large(ret_set)) {
                return true;
            }
        }
        *ret_set = (struct trimmed_set){ranked, true, 0};
        if (ranked->has_fresh && is_large(ret_set)) {
            return true;
        }
    }
    return false;
}

/* The best place among those that leave: whoever was outside before is behind the old floor, and so behind this. */
static int read_floor(const struct outbox_conn *conn, const struct ranking_state *state, struct text key, int64_t rank,
                      struct buffer *out, struct ranking_place *ret_floor, struct error *error)
{
    struct redis_reply reply;
    buffer_clear(out, 0);
    resp_put_array(out, 5);
    resp_put_string(out, TEXT("ZRANGE"));
    redis_key_put_single(out, &state->prefix, key);
    resp_put_integer(out, rank);
    resp_put_integer(out, rank);
    resp_put_string(out, TEXT("WITHSCORES"));
    if (redis_command_begin(conn->redis, out, conn->timeout_ms, error) != 0 ||
        redis_command_expect(conn->redis, "ZRANGE", &reply, error) != 0) {
        return -1;
    }
    const struct text member = redis_reply_element(&reply, 0).text;
    double score;
    if (reply.element_count != 2 || member.len > sizeof(ret_floor->resource_id) ||
        !ranking_score_read(redis_reply_element(&reply, 1).text, &score)) {
        error_set(error, "a set of the rankings is damaged");
        return -1;
    }
    *ret_floor = (struct ranking_place){.score = -score, .len = member.len};
    memcpy(ret_floor->resource_id, member.data, member.len);
    return 0;
}

int ranking_trim(struct ranking_state *state, struct ranking_txn *txn, const struct outbox_conn *conn,
                 struct error *error)
{
    char key[RANKING_KEY_SIZE];
    char digits[DECIMAL_LEN_MAX];
    struct trimmed_set set;
    if (!find_large(state, &set)) {
        return 0;
    }
    struct ranked_window *ranked = set.ranked;
    struct ranking_top *top = set.is_fresh ? &ranked->fresh : &ranked->board.tops[set.slot];
    const int64_t longest = *members_of(&set) - LEAVING_MAX;
    const int64_t rank = longest > ranked->keep ? longest : ranked->keep;
    if (read_floor(conn, state, key_of(key, &set), rank, &txn->requests, &top->floor, error) != 0) {
        return -1;
    }
    top->is_bounded = true;
    ranking_txn_begin(txn);
    const struct text range[] = {{digits, (size_t)(decimal_put(digits, rank) - digits)}, TEXT("-1")};
    ranking_txn_add_plain(txn, state, TEXT("ZREMRANGEBYRANK"), key_of(key, &set), range, 2);
    ranking_txn_count(txn, state, key_of(key, &set), members_of(&set));
    if (!set.is_fresh) {
        ranking_txn_put_top(txn, ranked, set.slot);
    }
    return ranking_txn_commit(txn, state, conn, error) == 0 ? 1 : -1;
}
