#include "counter-service/repartition/repartition_count.h"

#include <stdio.h>

#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/repartition/repartition_scan.h"
#include "counter-service/repartition/repartition_seen.h"

struct counting {
    struct repartition_count *count;
    struct repartition_seen seen;
};

bool repartition_count_is_no_hash(struct text error)
{
    const struct text start = TEXT("WRONGTYPE");
    return error.len >= start.len && text_equal((struct text){error.data, start.len}, start);
}

void repartition_count_take(struct repartition_totals *totals, struct text resource_id,
                            const struct redis_reply *counters)
{
    totals->resources++;
    if (counters->type != REDIS_ARRAY) {
        repartition_totals_add(totals, resource_id, TEXT(""), counters->text);
        return;
    }
    for (size_t i = 0; i + 1 < counters->element_count; i += 2) {
        repartition_totals_add(totals, resource_id, redis_reply_element(counters, i).text,
                               redis_reply_element(counters, i + 1).text);
    }
}

static void note_misplaced(struct repartition_count *count, const struct repartition_found *found)
{
    count->misplaced++;
    if (count->misplaced_in > 0 && count->misplaced_key[0] == '\0' &&
        redis_partition_of(found->is.resource_id, count->misplaced_in) == found->is.partition) {
        snprintf(count->misplaced_key, sizeof(count->misplaced_key), "%s", redis_quote(found->key).text);
    }
}

/* *ret_wanted: whether its counters are to be read. */
static int look(struct counting *counting, const struct repartition_found *found, bool *ret_wanted, struct error *error)
{
    struct repartition_count *count = counting->count;
    *ret_wanted = false;
    if (found->is.kind != REPARTITION_COUNTERS) {
        return 0;
    }
    if (redis_partition_of(found->is.resource_id, count->partitions) != found->is.partition) {
        note_misplaced(count, found);
        return 0;
    }
    const int is_new = repartition_seen_add(&counting->seen, found->is.resource_id);
    if (is_new < 0) {
        error_set(error, "out of memory");
        return -1;
    }
    *ret_wanted = is_new == 1;
    return 0;
}

static int drop_sessions(struct repartition_count *count, struct redis_conn *conn,
                         const struct repartition_found *found, size_t found_count, struct error *error)
{
    struct redis_reply reply;
    size_t requests = 0;
    for (size_t i = 0; i < found_count; i++) {
        if (found[i].is.kind == REPARTITION_SESSION) {
            redis_command_words(&count->site->requests, TEXT("UNLINK"), found[i].key);
            requests++;
        }
    }
    count->sessions += requests;
    return requests == 0 ? 0 : repartition_site_ask(count->site, conn, "UNLINK", requests, &reply, error);
}

static int take(struct repartition_count *count, struct redis_conn *conn, const struct repartition_found *found,
                struct error *error)
{
    struct redis_reply reply;
    if (repartition_site_next(conn, &reply, error) != 0) {
        return -1;
    }
    if (reply.type == REDIS_ERROR && !repartition_count_is_no_hash(reply.text)) {
        error_set(error, "Redis refuses HGETALL: %s", redis_quote(reply.text).text);
        return -1;
    }
    repartition_count_take(&count->totals, found->is.resource_id, &reply);
    return 0;
}

static int visit(void *ctx, struct redis_conn *conn, struct repartition_found *found, size_t found_count,
                 struct error *error)
{
    struct counting *counting = ctx;
    struct repartition_count *count = counting->count;
    if (count->drops_sessions && drop_sessions(count, conn, found, found_count, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < found_count; i++) {
        if (look(counting, &found[i], &found[i].picked, error) != 0) {
            return -1;
        }
        if (found[i].picked) {
            redis_command_words(&count->site->requests, TEXT("HGETALL"), found[i].key);
        }
    }
    int result = repartition_site_begin(count->site, conn, error);
    for (size_t i = 0; result == 0 && i < found_count; i++) {
        if (found[i].picked) {
            result = take(count, conn, &found[i], error);
        }
    }
    buffer_clear(&count->site->requests, SIZE_MAX);
    return result;
}

int repartition_count(struct repartition_count *count, struct error *error)
{
    struct counting counting = {.count = count};
    const struct repartition_scan scan = {
        .site = count->site, .interrupted = count->interrupted, .visit = visit, .ctx = &counting};
    const int result = repartition_scan(&scan, error);
    repartition_seen_done(&counting.seen);
    return result;
}
