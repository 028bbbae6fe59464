#include "counter-service/verify/redis_scan.h"

#include "common/base/decimal.h"
#include "common/contract/counter_rules.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

/* Keys that Redis looks at in one step: some hundred microseconds of its time. */
#define SCAN_COUNT TEXT("256")

struct scan {
    struct redis_reader *reader;
    struct shard shard;
    struct counter_table *table;
    struct report *report;
    struct redis_scan_result *result;
    struct error *error;
    struct buffer pattern; /* what the keys of counters begin with, and an asterisk */
    /* of a step */
    struct buffer cursor;
    struct arena memory;
    struct text *resource_ids; /* in memory */
    size_t count;
};

static int out_of_memory(struct scan *scan)
{
    error_set(scan->error, "out of memory: --shard lets several runs share the counters");
    return -1;
}

static struct text text_in(const struct buffer *buffer)
{
    return (struct text){buffer->data, buffer->len};
}

static int begin(struct scan *scan)
{
    return redis_command_begin(scan->reader->conn, &scan->reader->requests, scan->reader->timeout_ms, scan->error);
}

/* ---- SCAN -------------------------------------------------------------------------------------------------------- */

static int keep(struct scan *scan, struct text resource_id)
{
    char *copy = arena_alloc(&scan->memory, resource_id.len);
    if (copy == NULL) {
        return out_of_memory(scan);
    }
    memcpy(copy, resource_id.data, resource_id.len);
    scan->resource_ids[scan->count++] = (struct text){copy, resource_id.len};
    return 0;
}

/* Those of the keys that are of this shard, and can be Tally's. */
static int keep_all(struct scan *scan, const struct redis_reply *keys)
{
    const size_t prefix_len = scan->pattern.len - 1;
    scan->count = 0;
    arena_reset(&scan->memory);
    scan->resource_ids = arena_alloc(&scan->memory, (keys->element_count + 1) * sizeof(struct text));
    if (scan->resource_ids == NULL) {
        return out_of_memory(scan);
    }
    for (size_t i = 0; i < keys->element_count; i++) {
        const struct text key = redis_reply_element(keys, i).text;
        if (key.len < prefix_len) {
            continue; /* it is not what was asked for */
        }
        const struct text resource_id = {key.data + prefix_len, key.len - prefix_len};
        if (!shard_has(scan->shard, resource_id)) {
            continue;
        }
        if (counter_rules_resource_id(resource_id) != NULL) {
            scan->result->strange_keys++;
        } else if (keep(scan, resource_id) != 0) {
            return -1;
        }
    }
    return 0;
}

static int find_keys(struct scan *scan)
{
    struct buffer *out = &scan->reader->requests;
    struct redis_reply reply;
    buffer_clear(out, SIZE_MAX);
    redis_command_words(out, TEXT("SCAN"), text_in(&scan->cursor), TEXT("MATCH"), text_in(&scan->pattern),
                        TEXT("COUNT"), SCAN_COUNT);
    if (begin(scan) != 0 || redis_command_expect(scan->reader->conn, "SCAN", &reply, scan->error) != 0) {
        return -1;
    }
    if (reply.type != REDIS_ARRAY || reply.element_count != 2 || redis_reply_element(&reply, 1).type != REDIS_ARRAY) {
        error_set(scan->error, "Redis's answer to SCAN was not understood");
        return -1;
    }
    buffer_clear(&scan->cursor, SIZE_MAX);
    buffer_append_text(&scan->cursor, redis_reply_element(&reply, 0).text);
    const struct redis_reply keys = redis_reply_element(&reply, 1);
    return scan->cursor.failed ? out_of_memory(scan) : keep_all(scan, &keys);
}

/* ---- HGETALL of each --------------------------------------------------------------------------------------------- */

static int take_counter(struct scan *scan, struct text resource_id, struct text type, struct text value)
{
    if (counter_rules_counter_type(type) != NULL) {
        scan->result->strange_fields++;
        return 0;
    }
    struct counter *counter = counter_table_take(scan->table, resource_id, type);
    if (counter == NULL) {
        return out_of_memory(scan);
    }
    if (counter->in_redis != REDIS_LACKS_COUNTER) {
        return 0; /* SCAN may tell a key twice */
    }
    counter->cut = scan->result->cut;
    counter->in_redis = REDIS_HAS_COUNTER;
    if (!decimal_parse(value, &counter->redis_value)) {
        counter->in_redis = REDIS_HAS_NO_NUMBER;
        report_difference(scan->report, "%.*s %.*s: redis has no number: \"%s\"", (int)resource_id.len,
                          resource_id.data, (int)type.len, type.data, redis_quote(value).text);
    }
    return 0;
}

static int take_resource(struct scan *scan, struct text resource_id, const struct redis_reply *reply)
{
    if (reply->type != REDIS_ARRAY) {
        report_difference(scan->report, "%.*s: redis has no counters under its key: %s", (int)resource_id.len,
                          resource_id.data, redis_quote(reply->text).text);
        return 0;
    }
    for (size_t i = 0; i + 1 < reply->element_count; i += 2) {
        if (take_counter(scan, resource_id, redis_reply_element(reply, i).text,
                         redis_reply_element(reply, i + 1).text) != 0) {
            return -1;
        }
    }
    return 0;
}

static void put_questions(struct scan *scan)
{
    struct buffer *out = &scan->reader->requests;
    buffer_clear(out, SIZE_MAX);
    redis_command_words(out, TEXT("MULTI"));
    redis_reader_put_last_entry(scan->reader);
    for (size_t i = 0; i < scan->count; i++) {
        resp_put_array(out, 2);
        resp_put_string(out, TEXT("HGETALL"));
        redis_key_put_counters(out, &scan->reader->prefix, scan->resource_ids[i]);
    }
    redis_command_words(out, TEXT("EXEC"));
}

/* The answers to MULTI and to each command within, and then all at once. */
static int await_answers(struct scan *scan, struct redis_reply *ret_reply)
{
    const size_t questions = scan->count + 1;
    for (size_t i = 0; i < questions + 1; i++) {
        if (redis_command_expect(scan->reader->conn, "HGETALL", ret_reply, scan->error) != 0) {
            return -1;
        }
    }
    if (redis_command_expect(scan->reader->conn, "EXEC", ret_reply, scan->error) != 0) {
        return -1;
    }
    if (ret_reply->type != REDIS_ARRAY || ret_reply->element_count != questions) {
        error_set(scan->error, "Redis's answer to EXEC was not understood");
        return -1;
    }
    return 0;
}

static int read_counters(struct scan *scan)
{
    struct redis_reply reply;
    put_questions(scan);
    if (begin(scan) != 0 || await_answers(scan, &reply) != 0) {
        return -1;
    }
    const struct redis_reply last_entry = redis_reply_element(&reply, 0);
    if (redis_reader_take_last_entry(&last_entry, &scan->result->cut, scan->error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < scan->count; i++) {
        const struct redis_reply counters = redis_reply_element(&reply, i + 1);
        if (take_resource(scan, scan->resource_ids[i], &counters) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static int run(struct scan *scan)
{
    buffer_append_text(&scan->pattern, (struct text){scan->reader->prefix.data, scan->reader->prefix.len});
    buffer_append_text(&scan->pattern, TEXT("c:*"));
    buffer_append_text(&scan->cursor, TEXT("0"));
    if (scan->pattern.failed || scan->cursor.failed) {
        return out_of_memory(scan);
    }
    do {
        if (find_keys(scan) != 0 || (scan->count > 0 && read_counters(scan) != 0)) {
            return -1;
        }
    } while (!text_equal(text_in(&scan->cursor), TEXT("0")));
    return 0;
}

int redis_scan(struct redis_reader *reader, struct shard shard, struct counter_table *table, struct report *report,
               struct redis_scan_result *result, struct error *error)
{
    struct scan scan = {
        .reader = reader, .shard = shard, .table = table, .report = report, .result = result, .error = error};
    buffer_init(&scan.pattern);
    buffer_init(&scan.cursor);
    arena_init(&scan.memory);
    const int failed = run(&scan);
    arena_done(&scan.memory);
    buffer_done(&scan.cursor);
    buffer_done(&scan.pattern);
    return failed;
}
