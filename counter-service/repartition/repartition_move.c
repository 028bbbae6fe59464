#include "counter-service/repartition/repartition_move.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/repartition/repartition_parcel.h"
#include "counter-service/repartition/repartition_scan.h"

enum { TELL_EVERY_US = 2 * 1000 * 1000 };

static bool is_copy(const struct repartition_move *move)
{
    return move->from != move->to;
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

/* ---- within one Redis -------------------------------------------------------------------------------------------- */

/* Stays picked if the new name is taken. */
static int take_renamed(struct repartition_move *move, struct repartition_parcel *parcel, struct repartition_found *one)
{
    struct redis_reply reply;
    if (repartition_site_next(parcel->conn, &reply, parcel->error) != 0) {
        return -1;
    }
    if (reply.type == REDIS_INTEGER) {
        one->picked = reply.integer == 0;
        if (!one->picked) {
            note_moved(move, one);
        }
        return 0;
    }
    one->picked = false; /* it has expired, or SCAN told it twice */
    return reply.type == REDIS_ERROR && text_equal(reply.text, TEXT("ERR no such key"))
               ? 0
               : refused(&reply, "RENAMENX", parcel->error);
}

static int rename_all(struct repartition_move *move, struct repartition_parcel *parcel)
{
    struct repartition_site *site = parcel->from;
    REPARTITION_EACH_PICKED(parcel, one)
    {
        resp_put_array(&site->requests, 3);
        resp_put_string(&site->requests, TEXT("RENAMENX"));
        resp_put_string(&site->requests, one->key);
        repartition_parcel_put_name(&site->requests, one->to, one->is.rest);
    }
    int result = repartition_site_begin(site, parcel->conn, parcel->error);
    REPARTITION_EACH_PICKED(parcel, one)
    {
        if (result == 0) {
            result = take_renamed(move, parcel, one);
        }
    }
    buffer_clear(&site->requests, SIZE_MAX);
    return result == 0 && repartition_parcel_compare(parcel, parcel->conn) == 0 ? repartition_parcel_unlink(parcel)
                                                                                : -1;
}

/* ---- from one to another ----------------------------------------------------------------------------------------- */

/* Appends RESTORE of what PTTL and DUMP have answered. A key that is gone is not picked any more. */
static int take_dump(const struct repartition_move *move, struct repartition_parcel *parcel,
                     struct repartition_found *one, struct buffer *out)
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
    resp_put_array(out, is_copy(move) ? 5 : 4);
    resp_put_string(out, TEXT("RESTORE"));
    repartition_parcel_put_name(out, one->to, one->is.rest);
    resp_put_integer(out, ttl_ms > 0 ? ttl_ms : ttl_ms == 0); /* 0 would be for ever */
    resp_put_string(out, reply.text);
    if (is_copy(move)) {
        resp_put_string(out, TEXT("REPLACE"));
    }
    return 0;
}

static int dump_all(const struct repartition_move *move, struct repartition_parcel *parcel, struct buffer *out)
{
    struct repartition_site *site = parcel->from;
    REPARTITION_EACH_PICKED(parcel, one)
    {
        redis_command_words(&site->requests, TEXT("PTTL"), one->key);
        redis_command_words(&site->requests, TEXT("DUMP"), one->key);
    }
    int result = repartition_site_begin(site, parcel->conn, parcel->error);
    REPARTITION_EACH_PICKED(parcel, one)
    {
        if (result == 0) {
            result = take_dump(move, parcel, one, out);
        }
    }
    buffer_clear(&site->requests, SIZE_MAX);
    return result;
}

/* Adds to *taken if there is such a key. */
static int take_restored(struct repartition_move *move, struct redis_conn *conn, const struct repartition_found *one,
                         size_t *taken, struct error *error)
{
    struct redis_reply reply;
    if (repartition_site_next(conn, &reply, error) != 0) {
        return -1;
    }
    if (reply.type != REDIS_ERROR) {
        note_moved(move, one);
        return 0;
    }
    (*taken)++;
    return text_starts_with(reply.text, TEXT("BUSYKEY")) ? 0 : refused(&reply, "RESTORE", error);
}

/* A run before has copied what is there already, if it is the same. */
static int restore_all(struct repartition_move *move, struct repartition_parcel *parcel, struct redis_conn *conn,
                       const struct buffer *requests)
{
    size_t taken = 0;
    int result = redis_command_begin(conn, requests, move->to->config.redis.timeout_ms, parcel->error);
    REPARTITION_EACH_PICKED(parcel, one)
    {
        if (result == 0) {
            result = take_restored(move, conn, one, &taken, parcel->error);
        }
    }
    return result == 0 && taken > 0 ? repartition_parcel_compare(parcel, conn) : result;
}

/* What stays on its Redis can be deleted there at once: whatever that loses, it does not lose the copy alone. */
static int carry(struct repartition_move *move, struct repartition_parcel *parcel, struct redis_conn *conn)
{
    struct buffer out;
    buffer_init(&out);
    int result = dump_all(move, parcel, &out);
    if (result == 0 && out.len > 0) {
        result = restore_all(move, parcel, conn, &out);
    }
    buffer_done(&out);
    if (result != 0 || is_copy(move)) {
        return result;
    }
    if (conn == parcel->conn) {
        return repartition_parcel_unlink(parcel);
    }
    move->copies += repartition_parcel_picked(parcel);
    return 0;
}

static int drop(struct repartition_move *move, struct repartition_parcel *parcel, struct redis_conn *conn)
{
    if (repartition_parcel_compare(parcel, conn) != 0 || repartition_parcel_unlink(parcel) != 0) {
        return -1;
    }
    move->dropped += repartition_parcel_picked(parcel);
    return 0;
}

/* Those that go to one Redis, and then those that go to the next one. */
static int each_link(struct repartition_move *move, struct repartition_parcel *parcel,
                     int (*take)(struct repartition_move *, struct repartition_parcel *, struct redis_conn *))
{
    for (size_t link = 0; link < repartition_site_links(move->to); link++) {
        size_t count = 0;
        for (size_t i = 0; i < parcel->count; i++) {
            struct repartition_found *one = &parcel->found[i];
            one->picked = one->to >= 0 && repartition_site_conn(move->to, one->to) == move->to->links[link];
            count += one->picked;
        }
        if (count > 0 && take(move, parcel, move->to->links[link]) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* Picks those that are to be moved. .to is -1 for the others. */
static void pick(const struct repartition_move *move, struct repartition_parcel *parcel)
{
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

static int drop_rest(struct repartition_parcel *parcel)
{
    for (size_t i = 0; i < parcel->count; i++) {
        const enum repartition_key_kind kind = parcel->found[i].is.kind;
        parcel->found[i].picked = kind == REPARTITION_SESSION || kind == REPARTITION_RANKING;
    }
    return repartition_parcel_unlink(parcel);
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

static struct repartition_parcel parcel_of(const struct repartition_move *move, struct redis_conn *conn,
                                           struct repartition_found *found, size_t count, struct error *error)
{
    struct repartition_parcel parcel = {
        .from = move->from, .conn = conn, .to = move->to, .found = found, .count = count, .error = error};
    pick(move, &parcel);
    return parcel;
}

static int visit(void *ctx, struct redis_conn *conn, struct repartition_found *found, size_t count, struct error *error)
{
    struct repartition_move *move = ctx;
    struct repartition_parcel parcel = parcel_of(move, conn, found, count, error);
    tell(move);
    if (is_copy(move)) {
        return each_link(move, &parcel, carry);
    }
    const int result = move->from->is_cluster ? each_link(move, &parcel, carry) : rename_all(move, &parcel);
    return result == 0 ? drop_rest(&parcel) : -1;
}

static int visit_again(void *ctx, struct redis_conn *conn, struct repartition_found *found, size_t count,
                       struct error *error)
{
    struct repartition_move *move = ctx;
    struct repartition_parcel parcel = parcel_of(move, conn, found, count, error);
    return each_link(move, &parcel, drop);
}

int repartition_move(struct repartition_move *move, struct error *error)
{
    const struct repartition_scan scan = {
        .site = move->from, .interrupted = move->interrupted, .visit = visit, .ctx = move};
    move->told_us = clock_monotonic_us();
    return repartition_scan(&scan, error);
}

int repartition_move_drop(struct repartition_move *move, struct error *error)
{
    const struct repartition_scan scan = {
        .site = move->from, .interrupted = move->interrupted, .visit = visit_again, .ctx = move};
    return repartition_scan(&scan, error);
}
