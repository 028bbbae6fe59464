#include "counter-service/aggregator/aggregator_neighbours.h"

#include "common/base/clock.h"
#include "counter-service/aggregator/aggregator_count.h"
#include "counter-service/aggregator/ranking_roll.h"
#include "counter-service/board/ranking_fed.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

enum {
    UNCOUNTED_LOOK_MS = 1000,
    LEADER_LOOK_MS = 5000,
};

static int read_uncounted(struct aggregator_run *run, bool *ret_is_there)
{
    struct redis_reply reply;
    struct buffer *out = &run->shared->work.reads;
    buffer_clear(out, SIZE_MAX);
    resp_put_array(out, 2);
    resp_put_string(out, TEXT("GET"));
    redis_key_put_single(out, &run->state.prefix, RANKING_UNCOUNTED_KEY);
    if (redis_command_begin(run->conn->redis, out, run->conn->timeout_ms, &run->trouble) != 0 ||
        redis_command_expect(run->conn->redis, "GET", &reply, &run->trouble) != 0) {
        return -1;
    }
    *ret_is_there = reply.type == REDIS_TEXT;
    return 0;
}

int aggregator_look_for_uncounted(struct aggregator_run *run)
{
    bool is_there;
    uint64_t count;
    const int64_t now_us = clock_monotonic_us();
    if (now_us < run->uncounted_look_us) {
        return 0;
    }
    run->uncounted_look_us = now_us + (int64_t)UNCOUNTED_LOOK_MS * 1000;
    if (read_uncounted(run, &is_there) != 0) {
        return -1;
    }
    if (!is_there) {
        return 0;
    }
    if (log_limiter_allows(&run->shared->uncounted_limiter, now_us, &count)) {
        log_warn("rankings", "an instance counts and adds no events: the rankings lack what it counts",
                 LOG_INT("count", count));
    }
    if (aggregator_run_claim(run) != 0) {
        return -1;
    }
    return ranking_roll(&run->state, &run->shared->work.txn, run->conn, run->state.time_ms, aggregator_now_ms(run),
                        &run->trouble);
}

int aggregator_compare_leader(struct aggregator_run *run)
{
    const int64_t now_us = clock_monotonic_us();
    if (now_us < run->leader_look_us) {
        return 0;
    }
    const bool was_different = run->difference.message[0] != '\0';
    run->leader_look_us = now_us + (int64_t)LEADER_LOOK_MS * 1000;
    if (ranking_fed_compare(&run->state, run->conn, &run->difference, &run->trouble) != 0) {
        return -1;
    }
    if (run->difference.message[0] != '\0' && !was_different) {
        log_warn("rankings", "the leader is configured otherwise", LOG_INT("partition", run->follower->partition),
                 LOG_STR("reason", run->difference.message));
    }
    return 0;
}
