#include "counter-service/repartition/repartition_parcel.h"

#include <stdlib.h>

#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/repartition/repartition_count.h"
#include "counter-service/repartition/repartition_totals.h"

/* What is under a name. */
struct held {
    bool is_there;
    struct repartition_totals totals;
};

void repartition_parcel_put_name(struct buffer *out, int partition, struct text rest)
{
    const struct redis_key_prefix prefix = redis_key_prefix_of(partition);
    redis_key_put_single(out, &prefix, rest);
}

size_t repartition_parcel_picked(const struct repartition_parcel *parcel)
{
    size_t count = 0;
    REPARTITION_EACH_PICKED(parcel, one)
    {
        count++;
    }
    return count;
}

/* A key of another type is something too. */
static int take_held(const struct repartition_found *one, const struct redis_reply *reply, struct held *ret_held,
                     struct error *error)
{
    if (reply->type == REDIS_ERROR && !repartition_count_is_no_hash(reply->text)) {
        error_set(error, "Redis refuses to read key %s: %s", redis_quote(one->key).text, redis_quote(reply->text).text);
        return -1;
    }
    *ret_held =
        (struct held){.is_there = reply->type != REDIS_NIL && (reply->type != REDIS_ARRAY || reply->element_count > 0)};
    repartition_count_take(&ret_held->totals, one->is.resource_id, reply);
    return 0;
}

/* Of those that are picked, here (true) or in their partitions .to. held: of each of the parcel. */
static int read_held(struct repartition_parcel *parcel, struct redis_conn *conn, bool is_here, struct held *held)
{
    struct redis_reply reply;
    struct repartition_site *site = is_here ? parcel->from : parcel->to;
    REPARTITION_EACH_PICKED(parcel, one)
    {
        resp_put_array(&site->requests, 2);
        resp_put_string(&site->requests, one->is.kind == REPARTITION_COUNTERS ? TEXT("HGETALL") : TEXT("GET"));
        repartition_parcel_put_name(&site->requests, is_here ? one->is.partition : one->to, one->is.rest);
    }
    int result = repartition_site_begin(site, conn, parcel->error);
    REPARTITION_EACH_PICKED(parcel, one)
    {
        if (result == 0) {
            result = repartition_site_next(conn, &reply, parcel->error);
        }
        if (result == 0) {
            result = take_held(one, &reply, &held[one - parcel->found], parcel->error);
        }
    }
    buffer_clear(&site->requests, SIZE_MAX);
    return result;
}

static int compare_one(const struct repartition_parcel *parcel, struct repartition_found *one, const struct held *here,
                       const struct held *there)
{
    if (!here->is_there) {
        one->picked = false; /* it has expired, or SCAN told it twice */
        return 0;
    }
    if (!there->is_there) {
        error_set(parcel->error, "the copy of key %s in partition %d is gone: run this again, which copies it again",
                  redis_quote(one->key).text, one->to);
        return -1;
    }
    if (!repartition_totals_equal(&here->totals, &there->totals)) {
        error_set(parcel->error,
                  "key %s is in partition %d too, with something else: somebody has written meanwhile. Look at both, "
                  "bring what is right to partition %d, delete the one in partition %d, and run this again",
                  redis_quote(one->key).text, one->to, one->to, one->is.partition);
        return -1;
    }
    return 0;
}

/* What is here is read last: a record lives here for no longer than its copy there. */
int repartition_parcel_compare(struct repartition_parcel *parcel, struct redis_conn *conn)
{
    struct held *there = calloc(parcel->count, 2 * sizeof(*there));
    if (there == NULL) {
        error_set(parcel->error, "out of memory");
        return -1;
    }
    struct held *here = there + parcel->count;
    int result = read_held(parcel, conn, false, there);
    if (result == 0) {
        result = read_held(parcel, parcel->conn, true, here);
    }
    REPARTITION_EACH_PICKED(parcel, one)
    {
        if (result == 0) {
            const size_t i = (size_t)(one - parcel->found);
            result = compare_one(parcel, one, &here[i], &there[i]);
        }
    }
    free(there);
    return result;
}

int repartition_parcel_unlink(struct repartition_parcel *parcel)
{
    struct redis_reply reply;
    const size_t count = repartition_parcel_picked(parcel);
    REPARTITION_EACH_PICKED(parcel, one)
    {
        redis_command_words(&parcel->from->requests, TEXT("UNLINK"), one->key);
    }
    return count == 0 ? 0 : repartition_site_ask(parcel->from, parcel->conn, "UNLINK", count, &reply, parcel->error);
}
