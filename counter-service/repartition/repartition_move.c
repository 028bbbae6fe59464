#include "counter-service/repartition/repartition_move.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/repartition/repartition_count.h"
#include "counter-service/repartition/repartition_scan.h"

enum { TELL_EVERY_US = 2 * 1000 * 1000 };

/* Keys of one visit. */
struct parcel {
    struct repartition_move *move;
    struct redis_conn *conn; /* they are there */
    struct repartition_found *found;
    size_t count;
    struct error *error;
};

#define EACH_PICKED(parcel, one) \
    for (struct repartition_found *one = (parcel)->found; (one) < (parcel)->found + (parcel)->count; (one)++) \
        if ((one)->picked)

static bool is_copy(const struct repartition_move *move)
{
    return move->from != move->to;
}

static void put_name(struct buffer *out, int partition, struct text rest)
{
    const struct redis_key_prefix prefix = redis_key_prefix_of(partition);
    redis_key_put_single(out, &prefix, rest);
}

static void note_moved(struct repartition_move *move, const struct repartition_found *one)
{
    if (one->is.kind == REPARTITION_COUNTERS) {
        move->resources++;
    } else {
        move->records++;
    }
}

static int refused(const struct redis_reply *reply, const char *command, struct error *error)
{
    error_set(error, "Redis refuses %s: %s", command, redis_quote(reply->text).text);
    return -1;
}

/* ---- a key that is in both partitions ---------------------------------------------------------------------------- */

struct held {
    bool is_there; /* and of the type that it should be of */
    struct repartition_totals totals;
};

static int read_held(struct repartition_site *site, struct redis_conn *conn, const struct repartition_found *one,
                     int partition, struct held *ret_held, struct error *error)
{
    struct redis_reply reply;
    const bool is_counters = one->is.kind == REPARTITION_COUNTERS;
    *ret_held = (struct held){.is_there = false};
    resp_put_array(&site->requests, 2);
    resp_put_string(&site->requests, is_counters ? TEXT("HGETALL") : TEXT("GET"));
    put_name(&site->requests, partition, one->is.rest);
    int result = repartition_site_begin(site, conn, error);
    if (result == 0) {
        result = repartition_site_next(conn, &reply, error);
    }
    buffer_clear(&site->requests, SIZE_MAX);
    if (result != 0) {
        return -1;
    }
    ret_held->is_there = reply.type == (is_counters ? REDIS_ARRAY : REDIS_TEXT);
    repartition_count_take(&ret_held->totals, one->is.resource_id, &reply);
    return 0;
}

/* Both are the same where a run was ended between RESTORE and UNLINK. */
static int compare(struct parcel *parcel, const struct repartition_found *one)
{
    struct held here;
    struct held there;
    struct repartition_move *move = parcel->move;
    if (read_held(move->from, parcel->conn, one, one->is.partition, &here, parcel->error) != 0 ||
        read_held(move->to, repartition_site_conn(move->to, one->to), one, one->to, &there, parcel->error) != 0) {
        return -1;
    }
    if (here.is_there && there.is_there && repartition_totals_equal(&here.totals, &there.totals)) {
        return 0;
    }
    error_set(parcel->error,
              "key %s is in partition %d too, with something else: somebody has written meanwhile. Look at both, bring "
              "what is right to partition %d, delete the one in partition %d, and run this again",
              redis_quote(one->key).text, one->to, one->to, one->is.partition);
    return -1;
}

/* Compares those that are picked, of which a copy is where it belongs, and deletes them here. */
static int unlink_picked(struct parcel *parcel)
{
    struct redis_reply reply;
    size_t count = 0;
    struct repartition_site *site = parcel->move->from;
    EACH_PICKED(parcel, one)
    {
        redis_command_words(&site->requests, TEXT("UNLINK"), one->key);
        count++;
    }
    return count == 0 ? 0 : repartition_site_ask(site, parcel->conn, "UNLINK", count, &reply, parcel->error);
}

static int compare_picked(struct parcel *parcel)
{
    EACH_PICKED(parcel, one)
    {
        if (compare(parcel, one) != 0) {
            return -1;
        }
    }
    return unlink_picked(parcel);
}

/* ---- within one Redis -------------------------------------------------------------------------------------------- */

/* Stays picked if the new name is taken. */
static int take_renamed(struct parcel *parcel, struct repartition_found *one)
{
    struct redis_reply reply;
    if (repartition_site_next(parcel->conn, &reply, parcel->error) != 0) {
        return -1;
    }
    if (reply.type == REDIS_INTEGER) {
        one->picked = reply.integer == 0;
        if (!one->picked) {
            note_moved(parcel->move, one);
        }
        return 0;
    }
    one->picked = false; /* it has expired, or SCAN told it twice */
    return reply.type == REDIS_ERROR && text_equal(reply.text, TEXT("ERR no such key"))
               ? 0
               : refused(&reply, "RENAMENX", parcel->error);
}

static int rename_all(struct parcel *parcel)
{
    struct repartition_site *site = parcel->move->from;
    EACH_PICKED(parcel, one)
    {
        resp_put_array(&site->requests, 3);
        resp_put_string(&site->requests, TEXT("RENAMENX"));
        resp_put_string(&site->requests, one->key);
        put_name(&site->requests, one->to, one->is.rest);
    }
    int result = repartition_site_begin(site, parcel->conn, parcel->error);
    EACH_PICKED(parcel, one)
    {
        if (result == 0) {
            result = take_renamed(parcel, one);
        }
    }
    buffer_clear(&site->requests, SIZE_MAX);
    return result == 0 ? compare_picked(parcel) : -1;
}

/* ---- from one to another ----------------------------------------------------------------------------------------- */

/* Appends RESTORE of what PTTL and DUMP have answered. A key that is gone is not picked any more. */
static int take_dump(struct parcel *parcel, struct repartition_found *one, struct buffer *out)
{
    struct redis_reply reply;
    if (redis_command_expect(parcel->conn, "PTTL", &reply, parcel->error) != 0) {
        return -1;
    }
    const int64_t ttl_ms = reply.integer;
    if (redis_command_expect(parcel->conn, "DUMP", &reply, parcel->error) != 0) {
        return -1;
    }
    if (reply.type != REDIS_TEXT) {
        one->picked = false;
        return 0;
    }
    resp_put_array(out, is_copy(parcel->move) ? 5 : 4);
    resp_put_string(out, TEXT("RESTORE"));
    put_name(out, one->to, one->is.rest);
    resp_put_integer(out, ttl_ms > 0 ? ttl_ms : ttl_ms == 0); /* 0 would be for ever */
    resp_put_string(out, reply.text);
    if (is_copy(parcel->move)) {
        resp_put_string(out, TEXT("REPLACE"));
    }
    return 0;
}

static int dump_all(struct parcel *parcel, struct buffer *out)
{
    struct repartition_site *site = parcel->move->from;
    EACH_PICKED(parcel, one)
    {
        redis_command_words(&site->requests, TEXT("PTTL"), one->key);
        redis_command_words(&site->requests, TEXT("DUMP"), one->key);
    }
    int result = repartition_site_begin(site, parcel->conn, parcel->error);
    EACH_PICKED(parcel, one)
    {
        if (result == 0) {
            result = take_dump(parcel, one, out);
        }
    }
    buffer_clear(&site->requests, SIZE_MAX);
    return result;
}

static int take_restored(struct parcel *parcel, struct redis_conn *conn, struct repartition_found *one)
{
    struct redis_reply reply;
    const struct text busy = TEXT("BUSYKEY");
    if (repartition_site_next(conn, &reply, parcel->error) != 0) {
        return -1;
    }
    if (reply.type != REDIS_ERROR) {
        note_moved(parcel->move, one);
        return 0;
    }
    one->taken = reply.text.len >= busy.len && text_equal((struct text){reply.text.data, busy.len}, busy);
    return one->taken ? 0 : refused(&reply, "RESTORE", parcel->error);
}

/* All that are picked are for the Redis at conn. */
static int restore_all(struct parcel *parcel, struct redis_conn *conn, const struct buffer *requests)
{
    int result = redis_command_begin(conn, requests, parcel->move->to->config.redis.timeout_ms, parcel->error);
    EACH_PICKED(parcel, one)
    {
        if (result == 0) {
            result = take_restored(parcel, conn, one);
        }
    }
    EACH_PICKED(parcel, one)
    {
        if (result == 0 && one->taken) {
            result = compare(parcel, one);
        }
    }
    return result != 0 ? -1 : is_copy(parcel->move) ? 0 : unlink_picked(parcel);
}

static int carry(struct parcel *parcel, struct redis_conn *conn)
{
    struct buffer out;
    buffer_init(&out);
    int result = dump_all(parcel, &out);
    if (result == 0 && out.len > 0) {
        result = restore_all(parcel, conn, &out);
    }
    buffer_done(&out);
    return result;
}

/* Those that go to one Redis, and then those that go to the next one. */
static int carry_all(struct parcel *parcel)
{
    struct repartition_move *move = parcel->move;
    for (size_t link = 0; link < repartition_site_links(move->to); link++) {
        size_t count = 0;
        for (size_t i = 0; i < parcel->count; i++) {
            struct repartition_found *one = &parcel->found[i];
            one->picked = one->to >= 0 && repartition_site_conn(move->to, one->to) == move->to->links[link];
            count += one->picked;
        }
        if (count > 0 && carry(parcel, move->to->links[link]) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* Picks those that are to be moved. .to is -1 for the others. */
static void pick(struct parcel *parcel)
{
    const struct repartition_move *move = parcel->move;
    for (size_t i = 0; i < parcel->count; i++) {
        struct repartition_found *one = &parcel->found[i];
        one->to = -1;
        if ((one->is.kind == REPARTITION_COUNTERS || one->is.kind == REPARTITION_RECORD) &&
            redis_partition_of(one->is.resource_id, move->partitions_from) == one->is.partition) {
            const int to = redis_partition_of(one->is.resource_id, move->partitions_to);
            one->to = is_copy(move) || to != one->is.partition ? to : -1;
        }
        one->picked = one->to >= 0;
    }
}

static int drop_rest(struct parcel *parcel)
{
    for (size_t i = 0; i < parcel->count; i++) {
        const enum repartition_key_kind kind = parcel->found[i].is.kind;
        parcel->found[i].picked = kind == REPARTITION_SESSION || kind == REPARTITION_RANKING;
    }
    return unlink_picked(parcel);
}

static void tell(struct repartition_move *move)
{
    const int64_t now_us = clock_monotonic_us();
    if (now_us - move->told_us >= TELL_EVERY_US) {
        move->told_us = now_us;
        report_line(move->report, "%" PRIu64 " resources and %" PRIu64 " idempotency records so far", move->resources,
                    move->records);
        fflush(move->report->out);
    }
}

static int visit(void *ctx, struct redis_conn *conn, struct repartition_found *found, size_t count, struct error *error)
{
    struct repartition_move *move = ctx;
    struct parcel parcel = {.move = move, .conn = conn, .found = found, .count = count, .error = error};
    tell(move);
    pick(&parcel);
    if (is_copy(move)) {
        return carry_all(&parcel);
    }
    const int result = move->from->is_cluster ? carry_all(&parcel) : rename_all(&parcel);
    return result == 0 ? drop_rest(&parcel) : -1;
}

int repartition_move(struct repartition_move *move, struct error *error)
{
    const struct repartition_scan scan = {
        .site = move->from, .interrupted = move->interrupted, .visit = visit, .ctx = move};
    move->told_us = clock_monotonic_us();
    return repartition_scan(&scan, error);
}
