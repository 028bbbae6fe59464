#include "counter-service/outbox/outbox_set.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "counter-service/outbox/outbox_set_step.h"

enum {
    START_MS = 100, /* a store worker gives a new store its id meanwhile */
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 2000,
    IDLE_MS = 20,
    /* More for each partition but the first: however many there are, a consumer that finds nothing asks no more than
     * 340 times a second, of all Redises together. */
    IDLE_MORE_MS = 3,
    STANDBY_MS = 1000,
    RELEASE_MS = 1000,
};

void outbox_set_init(struct outbox_set *set, const struct config *config, struct topology *topology,
                     const struct outbox_set_consumer *consumer)
{
    *set = (struct outbox_set){
        .config = config,
        .topology = topology,
        .consumer = *consumer,
        .start_us = clock_monotonic_us() + START_MS * 1000,
    };
    lease_pace_init(&set->pace);
    buffer_init(&set->requests);
}

void outbox_set_done(struct outbox_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        outbox_follower_done(&set->members[i].follower);
    }
    free(set->members);
    outbox_nodes_done(&set->nodes);
    buffer_done(&set->requests);
}

/* ---- which partitions there are, and where ---- */

static int init_members(struct outbox_set *set, struct outbox_member *members, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (outbox_follower_init(&members[i].follower, (unsigned)i, set->consumer.name, set->consumer.lease_ms,
                                 error) != 0) {
            return -1;
        }
        members[i].follower.configured = outbox_consumers_of(set->config);
        members[i].follower.orphans = set->consumer.orphans;
        backoff_init(&members[i].backoff, RETRY_MIN_MS, RETRY_MAX_MS);
    }
    return 0;
}

/* Once there are some, their number stays. */
static void begin(struct outbox_set *set)
{
    const int partitions = topology_partitions(set->topology);
    if (partitions == 0) {
        return;
    }
    const size_t count = (size_t)partitions;
    struct outbox_member *members = calloc(count, sizeof(*members));
    if (members == NULL) {
        error_set(&set->trouble, "out of memory");
        return;
    }
    /* A follower that has begun nothing holds nothing. */
    if (init_members(set, members, count, &set->trouble) != 0 ||
        set->consumer.begin(set->consumer.ctx, members, count, &set->trouble) != 0) {
        free(members);
        return;
    }
    set->trouble.message[0] = '\0';
    set->members = members;
    set->count = count;
    set->is_placed = false;
    set->asked = count;
    set->leaving = count;
    set->first = prng_up_to(&set->pace.prng, (uint32_t)count - 1);
}

void outbox_set_lose(struct outbox_set *set, size_t i)
{
    struct outbox_member *member = &set->members[i];
    outbox_follower_restart(&member->follower);
    member->follower.is_free = false;
    member->step_us = 0;
    set->consumer.lost(set->consumer.ctx, i);
}

static void put(struct outbox_set *set, size_t i)
{
    struct redis_address address;
    struct outbox_member *member = &set->members[i];
    struct outbox_node *node = NULL;
    if (topology_find(set->topology, (int)i, &address)) {
        node = outbox_nodes_find(&set->nodes, &address, set->start_us);
    }
    if (node == member->node) {
        return;
    }
    if (member->node != NULL) {
        member->node->partitions--;
        outbox_set_lose(set, i);
    }
    member->node = node;
    member->retry_us = 0;
    if (node != NULL) {
        node->partitions++;
    }
}

static void follow_topology(struct outbox_set *set)
{
    const uint64_t version = topology_version(set->topology);
    if (set->is_placed && version == set->version) {
        return;
    }
    set->is_placed = set->count > 0;
    set->version = version;
    for (size_t i = 0; i < set->count; i++) {
        put(set, i);
    }
    outbox_nodes_sweep(&set->nodes);
}

/* ---- when something fails ---- */

static void tell(struct outbox_set *set, const struct error *error)
{
    uint64_t count;
    if (log_limiter_allows(&set->limiter, clock_monotonic_us(), &count)) {
        log_warn(set->consumer.component, set->consumer.failure, LOG_STR("reason", error->message),
                 LOG_INT("count", count));
    }
}

void outbox_set_fail_node(struct outbox_set *set, struct outbox_node *node, const struct error *error)
{
    outbox_node_fail(node, error);
    for (size_t i = 0; i < set->count; i++) {
        if (set->members[i].node == node) {
            outbox_set_lose(set, i);
        }
    }
    set->consumer.failed(set->consumer.ctx);
    tell(set, error);
    topology_suspect(set->topology);
}

void outbox_set_hold_member(struct outbox_set *set, size_t i, const struct error *error)
{
    struct outbox_member *member = &set->members[i];
    member->trouble = *error;
    member->retry_us = clock_monotonic_us() + (int64_t)backoff_next_ms(&member->backoff) * 1000;
    tell(set, error);
}

void outbox_set_fail_member(struct outbox_set *set, size_t i, const struct error *error)
{
    outbox_set_lose(set, i);
    set->consumer.failed(set->consumer.ctx);
    outbox_set_hold_member(set, i, error);
    topology_suspect(set->topology);
}

void outbox_set_fail(struct outbox_set *set, size_t i, const struct error *error)
{
    const struct error reason = *error; /* it may be what a callback clears */
    struct outbox_node *node = set->members[i].node;
    assert(node != NULL && node->conn.redis != NULL);
    assert(!set->consumer.needs_replicas); /* WAIT on another connection is not for what this one has read */
    if (redis_conn_error(node->conn.redis)[0] != '\0') {
        outbox_set_fail_node(set, node, &reason);
        return;
    }
    outbox_node_close(node); /* replies may be unread */
    outbox_set_fail_member(set, i, &reason);
}

static bool has_trouble(const struct outbox_set *set)
{
    char trouble[sizeof(set->trouble.message)];
    outbox_set_tell_trouble(set, trouble, sizeof(trouble));
    return trouble[0] != '\0';
}

static void tell_if_well(struct outbox_set *set, bool had_failed)
{
    if (had_failed && !has_trouble(set)) {
        log_info(set->consumer.component, "well again");
        set->limiter = (struct log_limiter){0};
    }
}

void outbox_set_well(struct outbox_set *set, size_t i)
{
    struct outbox_member *member = &set->members[i];
    const bool had_failed = member->trouble.message[0] != '\0';
    if (member->retry_us != 0) {
        member->retry_us = 0;
        member->trouble.message[0] = '\0';
        backoff_reset(&member->backoff);
    }
    tell_if_well(set, had_failed);
}

void outbox_set_node_well(struct outbox_set *set, struct outbox_node *node)
{
    if (node->retry_us != 0) {
        tell_if_well(set, outbox_node_recover(node));
    }
}

void outbox_set_restart(struct outbox_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        outbox_follower_restart(&set->members[i].follower);
        set->members[i].step_us = 0; /* the lease is still this instance's */
    }
}

/* ---- turns ---- */

static bool has_store_changed(const struct outbox_node *node, const char before[STORE_ID_SIZE])
{
    return before[0] != '\0' && strcmp(before, node->conn.store_id) != 0;
}

static void open_node(struct outbox_set *set, struct outbox_node *node)
{
    struct error error;
    char store_id[STORE_ID_SIZE];
    char cluster_id[STORE_ID_SIZE];
    const bool is_cluster = topology_is_cluster(set->topology);
    memcpy(store_id, node->conn.store_id, sizeof(store_id));
    topology_store_id(set->topology, cluster_id);
    if (is_cluster && cluster_id[0] == '\0') {
        error_set(&error, "it is not known yet whose data the Redis Cluster holds");
        outbox_set_fail_node(set, node, &error);
        return;
    }
    if (outbox_node_open(node, set->config, is_cluster ? cluster_id : NULL, &error) != 0 ||
        (is_cluster && topology_check_member(set->topology, node->conn.redis, &error) != 0)) {
        outbox_set_fail_node(set, node, &error);
        return;
    }
    for (size_t i = 0; has_store_changed(node, store_id) && i < set->count; i++) {
        if (set->members[i].node == node) {
            outbox_set_lose(set, i);
        }
    }
}

/* One that cannot be opened may have cost a timeout: the next ones wait for the next turn, after those that are
 * connected were stepped. */
static void open_nodes(struct outbox_set *set)
{
    const int64_t now_us = clock_monotonic_us();
    LIST_EACH (struct outbox_node, node, &set->nodes.list, node) {
        if (node->conn.redis != NULL || now_us < node->retry_us) {
            continue;
        }
        open_node(set, node);
        if (node->conn.redis == NULL) {
            outbox_nodes_put_last(&set->nodes, node);
            return;
        }
    }
}

static void count_led(struct outbox_set *set)
{
    set->led = 0;
    set->has_free = false;
    for (size_t i = 0; i < set->count; i++) {
        set->led += set->members[i].follower.owns;
        set->has_free |= set->members[i].follower.is_free;
    }
}

void outbox_set_turn(struct outbox_set *set)
{
    if (set->count == 0) {
        begin(set);
    }
    follow_topology(set);
    count_led(set);
    open_nodes(set);
    outbox_set_step_all(set);
    count_led(set);
    outbox_set_leave(set, clock_monotonic_us());
    count_led(set);
}

int outbox_set_idle_ms(const struct outbox_set *set)
{
    return IDLE_MS + (set->count > 0 ? (int)(set->count - 1) * IDLE_MORE_MS : 0);
}

int outbox_set_pause_ms(const struct outbox_set *set)
{
    bool has_all = set->count > 0 && set->led == 0 && !set->has_free;
    for (size_t i = 0; i < set->count && has_all; i++) {
        has_all = outbox_set_conn(set, i) != NULL && set->members[i].retry_us == 0;
    }
    return has_all ? STANDBY_MS : IDLE_MS;
}

const struct outbox_conn *outbox_set_conn(const struct outbox_set *set, size_t i)
{
    const struct outbox_node *node = set->members[i].node;
    return node != NULL && node->conn.redis != NULL ? &node->conn : NULL;
}

void outbox_set_release(struct outbox_set *set)
{
    const int64_t until_us = clock_monotonic_us() + RELEASE_MS * 1000;
    for (size_t i = 0; i < set->count && clock_monotonic_us() < until_us; i++) {
        const struct outbox_conn *conn = outbox_set_conn(set, i);
        if (conn != NULL && redis_conn_error(conn->redis)[0] == '\0') {
            outbox_follower_release(&set->members[i].follower, conn);
        }
    }
    count_led(set);
}

/* ---- what is known ---- */

uint64_t outbox_set_waiting(const struct outbox_set *set)
{
    uint64_t waiting = 0;
    for (size_t i = 0; i < set->count; i++) {
        waiting += outbox_follower_waiting(&set->members[i].follower);
    }
    return waiting;
}

int64_t outbox_set_lag_ms(const struct outbox_set *set)
{
    int64_t lag_ms = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct outbox_follower *follower = &set->members[i].follower;
        const int64_t oldest_ms = outbox_follower_oldest_ms(follower);
        const int64_t own_ms = oldest_ms > 0 ? follower->clock_ms - oldest_ms : 0;
        lag_ms = own_ms > lag_ms ? own_ms : lag_ms;
    }
    return lag_ms;
}

static const char *trouble_of(const struct outbox_member *member)
{
    if (member->node == NULL) {
        return "no Redis is known that has the partition";
    }
    return member->node->trouble.message[0] != '\0' ? member->node->trouble.message : member->trouble.message;
}

void outbox_set_tell_trouble(const struct outbox_set *set, char *out, size_t size)
{
    const char *first = "";
    size_t troubled = 0;
    if (set->count == 0) {
        const bool is_late = clock_monotonic_us() > set->start_us;
        first = set->trouble.message[0] != '\0' ? set->trouble.message
                : is_late                       ? "it is not known yet how many partitions the data have"
                                                : "";
    }
    for (size_t i = 0; i < set->count; i++) {
        const char *trouble = trouble_of(&set->members[i]);
        if (trouble[0] != '\0') {
            first = troubled++ == 0 ? trouble : first;
        }
    }
    if (troubled > 0 && set->count > 1) {
        snprintf(out, size, "%s (in %zu of %zu partitions)", first, troubled, set->count);
    } else {
        snprintf(out, size, "%s", first);
    }
}
