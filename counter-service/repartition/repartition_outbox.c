#include "counter-service/repartition/repartition_outbox.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/decimal.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/event/stream_id.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/verify/redis_reader.h"

enum { ENTRY_SIZE = 2 * DECIMAL_LEN_MAX + 8 };

#define POSITION_LIFE_MS TEXT("86400000") /* as outbox_step.lua has it */

/* The words of a command whose first key is that of the partition. */
static void put(struct repartition_site *site, int partition, struct text verb, struct text key,
                const struct text *words, size_t count)
{
    const struct redis_key_prefix prefix = redis_key_prefix_of(partition);
    resp_put_array(&site->requests, 2 + count);
    resp_put_string(&site->requests, verb);
    redis_key_put_single(&site->requests, &prefix, key);
    for (size_t i = 0; i < count; i++) {
        resp_put_string(&site->requests, words[i]);
    }
}

#define PUT(site, partition, verb, key, ...) \
    put((site), (partition), TEXT(verb), (key), (const struct text[]){__VA_ARGS__}, \
        sizeof((const struct text[]){__VA_ARGS__}) / sizeof(struct text))

/* ---- what waits -------------------------------------------------------------------------------------------------- */

static uint64_t number_in(const struct redis_reply *reply, size_t index)
{
    uint64_t number = 0;
    const struct redis_reply element = redis_reply_element(reply, index);
    return element.type == REDIS_TEXT && decimal_parse_unsigned(element.text, UINT64_MAX, &number) ? number : 0;
}

static int waiting_in(struct repartition_site *site, int partition, uint64_t *ret_events, struct error *error)
{
    struct redis_reply reply;
    struct redis_conn *conn = repartition_site_conn(site, partition);
    put(site, partition, TEXT("XLEN"), outbox_stream, NULL, 0);
    if (repartition_site_ask(site, conn, "XLEN", 1, &reply, error) != 0) {
        return -1;
    }
    const int64_t entries = reply.integer;
    *ret_events = 0;
    if (entries == 0) {
        return 0;
    }
    PUT(site, partition, "HMGET", outbox_marks, TEXT("n"), TEXT("t"));
    if (repartition_site_ask(site, conn, "HMGET", 1, &reply, error) != 0) {
        return -1;
    }
    const bool is_sane = reply.type == REDIS_ARRAY && reply.element_count == 2;
    const uint64_t appended = is_sane ? number_in(&reply, 0) : 0;
    const uint64_t trimmed = is_sane ? number_in(&reply, 1) : 0;
    *ret_events = appended > trimmed ? appended - trimmed : (uint64_t)entries;
    return 0;
}

int repartition_outbox_waiting(struct repartition_site *site, int partitions, uint64_t *ret_events, struct error *error)
{
    *ret_events = 0;
    for (int i = 0; i < partitions; i++) {
        uint64_t events;
        if (waiting_in(site, i, &events, error) != 0) {
            return -1;
        }
        *ret_events += events;
    }
    return 0;
}

/* ---- the last entry ---------------------------------------------------------------------------------------------- */

static int last_of(struct repartition_site *site, int partition, struct stream_id *ret_last, struct error *error)
{
    struct redis_reader reader;
    redis_reader_init(&reader, partition, PARTITIONS_MAX, site->config.redis.timeout_ms);
    reader.conn = repartition_site_conn(site, partition);
    const int result = redis_reader_last_entry(&reader, ret_last, error);
    redis_reader_done(&reader);
    return result;
}

int repartition_outbox_end(struct repartition_site *site, int partitions, struct repartition_outbox_end *ret_end,
                           struct error *error)
{
    struct redis_reply reply;
    *ret_end = (struct repartition_outbox_end){.has_relay = false};
    for (int i = 0; i < partitions; i++) {
        struct stream_id last;
        put(site, i, TEXT("EXISTS"), TEXT("pos:kafka"), NULL, 0);
        if (last_of(site, i, &last, error) != 0 ||
            repartition_site_ask(site, repartition_site_conn(site, i), "EXISTS", 1, &reply, error) != 0) {
            return -1;
        }
        ret_end->has_relay |= reply.integer > 0;
        if (stream_id_compare(last, ret_end->last) > 0) {
            ret_end->last = last;
        }
    }
    return 0;
}

/* ---- anew -------------------------------------------------------------------------------------------------------- */

static int begin_anew(struct repartition_site *site, int partition, const struct repartition_outbox_end *end,
                      struct error *error)
{
    static const struct text keys[] = {
        {"events", 6},    {"outbox", 6},        {"pos:kafka", 9},       {"lease:kafka", 11},
        {"ask:kafka", 9}, {"pos:rankings", 12}, {"lease:rankings", 14}, {"ask:rankings", 12},
    };
    enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
    struct redis_reply reply;
    char entry[ENTRY_SIZE];
    char position[ENTRY_SIZE + 2];
    size_t commands = 2 + KEYS;
    redis_command_words(&site->requests, TEXT("MULTI"));
    for (size_t i = 0; i < KEYS; i++) {
        put(site, partition, TEXT("UNLINK"), keys[i], NULL, 0);
    }
    if (end != NULL && (end->last.ms > 0 || end->last.seq > 0)) {
        snprintf(entry, sizeof(entry), "%" PRIu64 "-%" PRIu64, end->last.ms, end->last.seq);
        snprintf(position, sizeof(position), "%s 0", entry);
        PUT(site, partition, "XADD", outbox_stream, text_of(entry), TEXT("n"), TEXT("0"));
        PUT(site, partition, "XTRIM", outbox_stream, TEXT("MAXLEN"), TEXT("0"));
        commands += 2;
        if (end->has_relay) {
            PUT(site, partition, "SET", TEXT("pos:kafka"), text_of(position), TEXT("PX"), POSITION_LIFE_MS);
            commands++;
        }
    }
    redis_command_words(&site->requests, TEXT("EXEC"));
    if (repartition_site_ask(site, repartition_site_conn(site, partition), "EXEC", commands, &reply, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < reply.element_count; i++) {
        const struct redis_reply one = redis_reply_element(&reply, i);
        if (one.type == REDIS_ERROR) {
            error_set(error, "Redis refuses a new outbox: %.*s", (int)one.text.len, one.text.data);
            return -1;
        }
    }
    return 0;
}

int repartition_outbox_begin(struct repartition_site *site, int partitions, int limit,
                             const struct repartition_outbox_end *end, struct error *error)
{
    for (int i = 0; i < limit; i++) {
        if (begin_anew(site, i, i < partitions ? end : NULL, error) != 0) {
            return -1;
        }
    }
    return 0;
}
