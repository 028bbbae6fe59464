#include "counter-service/outbox/outbox_set_step.h"

#include <assert.h>

#include "common/base/clock.h"
#include "counter-service/redis/redis_error.h"

enum {
    /* Of an exchange: Redis does nothing else meanwhile. A step that finds nothing takes it some ten microseconds; */
    BATCH_MAX = 16,
    /* one that reads as much as it may takes a millisecond, and ends the batch. */
    STANDBY_STEP_MS = 1000,
    ASKED_STEP_MS = 100, /* of one that may be handed over */
    REQUESTS_KEEP_BYTES = 64 * 1024,
};

/* What is sent in one exchange with a node. */
struct batch {
    struct outbox_node *node;
    size_t count;
    struct {
        size_t i;
        struct outbox_follower_wish wish;
        struct stream_id read_after; /* before the step */
        enum outbox_answer answer;
        bool restarted;
        struct error error;
    } steps[BATCH_MAX];
};

/* ---- one exchange ---- */

/* A node that is no master any more is of no use to any of its partitions; one that a partition has left is to others.
 */
static bool ends_connection(const struct redis_reply *reply)
{
    return reply->type == REDIS_ERROR && !text_starts_with(reply->text, TEXT("MOVED ")) &&
           redis_error_of_write(reply->text).closes_connection;
}

/* Returns 0; or -1 with error filled, when the connection is to be closed. */
static int take_answer(struct outbox_set *set, struct batch *batch, size_t step, const struct redis_reply *reply,
                       struct error *error)
{
    struct outbox_follower *follower = &set->members[batch->steps[step].i].follower;
    batch->steps[step].restarted = false;
    batch->steps[step].answer =
        outbox_follower_answer(follower, reply, &batch->steps[step].restarted, &batch->steps[step].error);
    if (batch->steps[step].answer == OUTBOX_ANSWER_BAD && ends_connection(reply)) {
        *error = batch->steps[step].error;
        return -1;
    }
    return 0;
}

static int append_all(struct outbox_set *set, struct batch *batch, struct error *error)
{
    buffer_clear(&set->requests, REQUESTS_KEEP_BYTES);
    for (size_t step = 0; step < batch->count; step++) {
        struct outbox_member *member = &set->members[batch->steps[step].i];
        member->step_us = clock_monotonic_us();
        if (outbox_follower_append(&member->follower, &batch->node->conn, &batch->steps[step].wish, &set->requests) !=
            0) {
            error_set(error, "out of memory");
            return -1;
        }
    }
    return 0;
}

static int exchange(struct outbox_set *set, struct batch *batch, struct error *error)
{
    struct redis_conn *redis = batch->node->conn.redis;
    struct redis_reply reply;
    if (append_all(set, batch, error) != 0) {
        return -1;
    }
    redis_conn_begin(redis, (struct text){set->requests.data, set->requests.len}, batch->node->conn.timeout_ms);
    for (size_t step = 0; step < batch->count; step++) {
        if (redis_conn_next(redis, &reply) != 0) {
            error_set(error, "%s", redis_conn_error(redis));
            return -1;
        }
        if (take_answer(set, batch, step, &reply, error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Redis has forgotten the script. */
static int ask_again(struct outbox_set *set, struct batch *batch, struct error *error)
{
    for (size_t step = 0; step < batch->count; step++) {
        struct redis_reply reply;
        struct outbox_follower *follower = &set->members[batch->steps[step].i].follower;
        if (batch->steps[step].answer != OUTBOX_ASK_AGAIN) {
            continue;
        }
        if (outbox_follower_ask(follower, &batch->node->conn, &batch->steps[step].wish, &reply, error) != 0 ||
            take_answer(set, batch, step, &reply, error) != 0) {
            return -1;
        }
        if (batch->steps[step].answer == OUTBOX_ASK_AGAIN) {
            error_set(error, "Redis does not know the script that it was sent");
            return -1;
        }
    }
    return 0;
}

/* FLUSHALL closes no connection: whoever has taken a lease asks whose store it is. Of a Redis Cluster each partition
 * says so. */
static int check_store(const struct outbox_set *set, struct batch *batch, struct error *error)
{
    for (size_t step = 0; step < batch->count; step++) {
        const struct outbox_follower *follower = &set->members[batch->steps[step].i].follower;
        if (!batch->steps[step].restarted || !follower->owns) {
            continue;
        }
        if (outbox_conn_check_store(&batch->node->conn, &follower->prefix, error) == 0) {
            if (!batch->node->conn.is_cluster) {
                break;
            }
            continue;
        }
        if (!batch->node->conn.is_cluster || redis_conn_error(batch->node->conn.redis)[0] != '\0') {
            return -1;
        }
        batch->steps[step].answer = OUTBOX_ANSWER_BAD; /* the partition's alone */
        batch->steps[step].error = *error;
    }
    return 0;
}

/* Those that have read something hold it, and those that already did; returns whether there are any. */
static bool hold(struct outbox_set *set, const struct batch *batch)
{
    bool any = false;
    for (size_t step = 0; step < batch->count; step++) {
        struct outbox_follower *follower = &set->members[batch->steps[step].i].follower;
        const bool has_read = stream_id_compare(follower->read_after, batch->steps[step].read_after) != 0;
        if (batch->steps[step].answer == OUTBOX_ANSWERED && follower->owns && !batch->steps[step].restarted) {
            follower->holds |= has_read;
            any |= follower->holds;
        }
    }
    return any;
}

static void hand_out(struct outbox_set *set, const struct batch *batch)
{
    for (size_t step = 0; step < batch->count; step++) {
        set->members[batch->steps[step].i].follower.holds = false;
    }
}

static void keep_holding(struct outbox_set *set, const struct batch *batch)
{
    struct error error;
    error_set(&error, "redis.wait_replicas is %d, and not so many have the events in time",
              set->config->redis.wait_replicas);
    for (size_t step = 0; step < batch->count; step++) {
        if (set->members[batch->steps[step].i].follower.holds) {
            outbox_set_hold_member(set, batch->steps[step].i, &error);
        }
    }
}

/* A master that takes the place of this one gives other events the ids of those that it has not got: these must not be
 * handed out. A node whose replicas are late costs a turn one redis.wait_timeout, however many partitions it has.
 * Returns 0; or -1 with error filled, when the connection is to be closed. */
static int await_replicas(struct outbox_set *set, const struct batch *batch, struct error *error)
{
    struct outbox_node *node = batch->node;
    const int wanted = set->consumer.needs_replicas ? set->config->redis.wait_replicas : 0;
    int64_t replicas = 0;
    if (wanted == 0 || !hold(set, batch)) {
        return 0;
    }
    if (!node->is_late &&
        outbox_conn_await_replicas(&node->conn, wanted, set->config->redis.wait_timeout_ms, &replicas, error) != 0) {
        return -1;
    }
    node->is_late = replicas < wanted;
    if (node->is_late) {
        keep_holding(set, batch);
    } else {
        hand_out(set, batch);
    }
    return 0;
}

static void flush(struct outbox_set *set, struct batch *batch)
{
    struct error error;
    if (batch->count == 0) {
        return;
    }
    if (exchange(set, batch, &error) != 0 || ask_again(set, batch, &error) != 0 ||
        check_store(set, batch, &error) != 0 || await_replicas(set, batch, &error) != 0) {
        outbox_set_fail_node(set, batch->node, &error);
        batch->count = 0;
        return;
    }
    outbox_set_node_well(set, batch->node);
    for (size_t step = 0; step < batch->count; step++) {
        const size_t i = batch->steps[step].i;
        if (batch->steps[step].answer == OUTBOX_ANSWER_BAD) {
            outbox_set_fail_member(set, i, &batch->steps[step].error);
            continue;
        }
        outbox_set_hear(set, i, clock_monotonic_us());
        set->consumer.stepped(set->consumer.ctx, i, batch->steps[step].restarted);
    }
    batch->count = 0;
}

/* ---- what is due ---- */

static struct outbox_wish wish_of(const struct outbox_set *set, size_t i)
{
    if (!set->members[i].follower.owns) {
        return (struct outbox_wish){.after_ms = i == set->asked ? ASKED_STEP_MS : STANDBY_STEP_MS};
    }
    return set->consumer.wish(set->consumer.ctx, i);
}

static bool can_step(const struct outbox_set *set, size_t i, int64_t now_us)
{
    return outbox_set_conn(set, i) != NULL && now_us >= set->members[i].retry_us;
}

/* Whether the wait, or a part of it, is over. */
static bool has_waited(const struct outbox_member *member, int64_t wait_us, int64_t now_us)
{
    return member->step_us == 0 || now_us >= member->step_us + wait_us;
}

/* Steps that are due soon go with those that are due, and from then on they stay together. */
static void mark_nodes(struct outbox_set *set, int64_t now_us)
{
    LIST_EACH (struct outbox_node, node, &set->nodes.list, node) {
        node->is_due = false;
        node->is_late = false;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (can_step(set, i, now_us) &&
            has_waited(&set->members[i], (int64_t)wish_of(set, i).after_ms * 1000, now_us)) {
            set->members[i].node->is_due = true;
        }
    }
}

/* Whether the partition is to be stepped now. *ret_takes: also to take the lease, if nobody has it. */
static bool is_due(struct outbox_set *set, size_t i, const struct outbox_wish *wish, size_t *led, int64_t now_us,
                   bool *ret_takes)
{
    struct outbox_member *member = &set->members[i];
    *ret_takes = true;
    if (!member->follower.owns) {
        const bool may_be_free = member->follower.is_free || set->count == 1;
        *ret_takes = may_be_free && lease_pace_take(&set->pace, *led, set->count, now_us);
        if (*ret_takes && set->count > 1) {
            (*led)++;
            return true;
        }
    }
    return member->node->is_due && has_waited(member, (int64_t)wish->after_ms * 1000 / 2, now_us);
}

static void add(struct outbox_set *set, struct batch *batch, size_t i, const struct outbox_wish *wish, bool takes)
{
    const bool asks = set->asks && i == set->asked;
    assert(batch->count < BATCH_MAX);
    batch->steps[batch->count].i = i;
    batch->steps[batch->count].read_after = set->members[i].follower.read_after;
    batch->steps[batch->count++].wish = (struct outbox_follower_wish){wish->events_max, !takes, asks, set->led};
    set->asks = set->asks && !asks;
}

/* Those of one node. */
static void step_node(struct outbox_set *set, struct outbox_node *node, size_t *led, int64_t now_us)
{
    struct batch batch = {.node = node};
    for (size_t k = 0; k < set->count && node->conn.redis != NULL; k++) {
        const size_t i = (set->first + k) % set->count;
        bool takes;
        if (set->members[i].node != node || !can_step(set, i, now_us)) {
            continue;
        }
        const struct outbox_wish wish = wish_of(set, i);
        if (!is_due(set, i, &wish, led, now_us, &takes)) {
            continue;
        }
        add(set, &batch, i, &wish, takes);
        if (batch.count == BATCH_MAX || (set->members[i].follower.owns && wish.after_ms == 0)) {
            flush(set, &batch);
        }
    }
    if (node->conn.redis != NULL) {
        flush(set, &batch);
    }
}

void outbox_set_step_all(struct outbox_set *set)
{
    const int64_t now_us = clock_monotonic_us();
    size_t led = set->led;
    outbox_set_ask(set, now_us);
    mark_nodes(set, now_us);
    LIST_EACH (struct outbox_node, node, &set->nodes.list, node) {
        if (node->conn.redis == NULL) {
            continue;
        }
        step_node(set, node, &led, now_us);
        if (node->conn.redis == NULL) { /* that may have cost a timeout: others that hang do so in later turns */
            outbox_nodes_put_last(&set->nodes, node);
            return;
        }
    }
}
