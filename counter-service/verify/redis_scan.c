#include "counter-service/verify/redis_scan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/decimal.h"
#include "common/contract/counter_rules.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

/* Keys that Redis looks at in one SCAN, and fields that it reads in one step, by HLEN before: some hundred microseconds
 * of its time each. A hash with more is a step of its own; Redis cannot read it in parts of one moment. */
#define SCAN_COUNT TEXT("256")
#define SCAN_PATTERN TEXT("tally:{p*}:c:*")
enum { STEP_FIELDS_MAX = 1024, HASH_FIELDS_MAX = 100 * 1000 };

struct resource {
    struct redis_reader *reader; /* of its partition */
    struct text id;
    uint64_t fields; /* that its hash had when HLEN asked; 1 where it is no hash */
};

struct scan {
    const struct redis_readers *readers;
    struct shard shard;
    struct counter_table *table;
    struct report *report;
    struct redis_scan_result *result;
    struct error *error;
    struct redis_conn *conn; /* to the Redis that is scanned */
    /* of a step */
    struct buffer requests; /* not of one partition only */
    struct buffer cursor;
    struct arena memory;
    struct resource *resources; /* in memory */
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

static int begin(struct scan *scan, const struct buffer *requests)
{
    return redis_command_begin(scan->conn, requests, scan->readers->all[0].timeout_ms, scan->error);
}

/* ---- SCAN -------------------------------------------------------------------------------------------------------- */

/* "tally:{p3}:c:article_001": that of a partition that this Redis has. The others are not Tally's, or not here. */
static bool understand_key(const struct scan *scan, struct text key, struct resource *ret_resource)
{
    uint64_t partition;
    const struct text start = TEXT("tally:{p");
    const struct text middle = TEXT("c:");
    if (key.len < start.len || !text_equal((struct text){key.data, start.len}, start)) {
        return false;
    }
    struct text rest = {key.data + start.len, key.len - start.len};
    const struct text digits = text_cut(&rest, '}');
    if (!decimal_parse_unsigned(digits, (uint64_t)scan->readers->count - 1, &partition)) {
        return false;
    }
    struct redis_reader *reader = &scan->readers->all[partition];
    const size_t prefix_len = reader->prefix.len + middle.len;
    if (reader->conn != scan->conn || key.len < prefix_len ||
        !text_equal((struct text){key.data, reader->prefix.len},
                    (struct text){reader->prefix.data, reader->prefix.len}) ||
        !text_equal((struct text){key.data + reader->prefix.len, middle.len}, middle)) {
        return false;
    }
    *ret_resource = (struct resource){.reader = reader, .id = {key.data + prefix_len, key.len - prefix_len}};
    return true;
}

static int keep(struct scan *scan, const struct resource *resource)
{
    char *copy = arena_alloc(&scan->memory, resource->id.len);
    if (copy == NULL) {
        return out_of_memory(scan);
    }
    memcpy(copy, resource->id.data, resource->id.len);
    scan->resources[scan->count++] = (struct resource){.reader = resource->reader, .id = {copy, resource->id.len}};
    return 0;
}

static int keep_if_wanted(struct scan *scan, const struct resource *resource)
{
    if (!shard_has(scan->shard, resource->id)) {
        return 0;
    }
    if (counter_rules_resource_id(resource->id) != NULL) {
        scan->result->strange_keys++;
        return 0;
    }
    if (redis_readers_of(scan->readers, resource->id) != resource->reader) {
        scan->result->misplaced_keys++;
        return 0;
    }
    return keep(scan, resource);
}

static int compare_partitions(const void *left, const void *right)
{
    const struct resource *a = left;
    const struct resource *b = right;
    return a->reader->partition - b->reader->partition;
}

/* Those of the keys that are of this shard, and can be Tally's; partition by partition. */
static int keep_all(struct scan *scan, const struct redis_reply *keys)
{
    scan->count = 0;
    arena_reset(&scan->memory);
    scan->resources = arena_alloc(&scan->memory, (keys->element_count + 1) * sizeof(*scan->resources));
    if (scan->resources == NULL) {
        return out_of_memory(scan);
    }
    for (size_t i = 0; i < keys->element_count; i++) {
        struct resource resource;
        if (understand_key(scan, redis_reply_element(keys, i).text, &resource) &&
            keep_if_wanted(scan, &resource) != 0) {
            return -1;
        }
    }
    if (scan->readers->count > 1) {
        qsort(scan->resources, scan->count, sizeof(*scan->resources), compare_partitions);
    }
    return 0;
}

static int find_keys(struct scan *scan)
{
    struct buffer *out = &scan->requests;
    struct redis_reply reply;
    buffer_clear(out, SIZE_MAX);
    redis_command_words(out, TEXT("SCAN"), text_in(&scan->cursor), TEXT("MATCH"), SCAN_PATTERN, TEXT("COUNT"),
                        SCAN_COUNT);
    if (begin(scan, out) != 0 || redis_command_expect(scan->conn, "SCAN", &reply, scan->error) != 0) {
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

static int take_counter(struct scan *scan, const struct resource *resource, struct text type, struct text value)
{
    if (counter_rules_counter_type(type) != NULL) {
        scan->result->strange_fields++;
        return 0;
    }
    const struct text resource_id = resource->id;
    struct counter *counter = counter_table_take(scan->table, resource_id, type);
    if (counter == NULL) {
        return out_of_memory(scan);
    }
    if (counter->in_redis != REDIS_LACKS_COUNTER) {
        return 0; /* SCAN may tell a key twice */
    }
    counter->cut = scan->result->cuts[resource->reader->partition];
    counter->in_redis = REDIS_HAS_COUNTER;
    if (!decimal_parse(value, &counter->redis_value)) {
        counter->in_redis = REDIS_HAS_NO_NUMBER;
        report_difference(scan->report, "%.*s %.*s: redis has no number: \"%s\"", (int)resource_id.len,
                          resource_id.data, (int)type.len, type.data, redis_quote(value).text);
    }
    return 0;
}

/* One difference, whatever events there are, and however often SCAN tells the key. */
static int take_damaged(struct scan *scan, struct text resource_id, const struct redis_reply *reply)
{
    struct counter *mark = counter_table_take(scan->table, resource_id, COUNTER_WHOLE_RESOURCE);
    if (mark == NULL) {
        return out_of_memory(scan);
    }
    if (mark->in_redis == REDIS_LACKS_COUNTER) {
        mark->in_redis = REDIS_HAS_NO_NUMBER;
        report_difference(scan->report, "%.*s: redis has no counters under its key: %s", (int)resource_id.len,
                          resource_id.data, redis_quote(reply->text).text);
    }
    return 0;
}

static int take_resource(struct scan *scan, const struct resource *resource, const struct redis_reply *reply)
{
    if (reply->type != REDIS_ARRAY) {
        return take_damaged(scan, resource->id, reply);
    }
    for (size_t i = 0; i + 1 < reply->element_count; i += 2) {
        if (take_counter(scan, resource, redis_reply_element(reply, i).text, redis_reply_element(reply, i + 1).text) !=
            0) {
            return -1;
        }
    }
    return 0;
}

/* "HLEN key" or "HGETALL key" */
static void put_question(struct buffer *out, struct text command, const struct resource *resource)
{
    resp_put_array(out, 2);
    resp_put_string(out, command);
    redis_key_put_counters(out, &resource->reader->prefix, resource->id);
}

/* Resources from first to last - 1, which are of one partition, and the last entry of its outbox, in one step. */
static void put_questions(struct scan *scan, size_t first, size_t last)
{
    struct redis_reader *reader = scan->resources[first].reader;
    struct buffer *out = &reader->requests;
    buffer_clear(out, SIZE_MAX);
    redis_command_words(out, TEXT("MULTI"));
    redis_reader_put_last_entry(reader);
    for (size_t i = first; i < last; i++) {
        put_question(out, TEXT("HGETALL"), &scan->resources[i]);
    }
    redis_command_words(out, TEXT("EXEC"));
}

/* The answers to MULTI and to each command within, and then all at once. */
static int await_answers(struct scan *scan, size_t questions, struct redis_reply *ret_reply)
{
    for (size_t i = 0; i < questions + 1; i++) {
        if (redis_command_expect(scan->conn, "HGETALL", ret_reply, scan->error) != 0) {
            return -1;
        }
    }
    if (redis_command_expect(scan->conn, "EXEC", ret_reply, scan->error) != 0) {
        return -1;
    }
    if (ret_reply->type != REDIS_ARRAY || ret_reply->element_count != questions) {
        error_set(scan->error, "Redis's answer to EXEC was not understood");
        return -1;
    }
    return 0;
}

static int read_step(struct scan *scan, size_t first, size_t last)
{
    struct redis_reply reply;
    const struct redis_reader *reader = scan->resources[first].reader;
    put_questions(scan, first, last);
    if (begin(scan, &reader->requests) != 0 || await_answers(scan, last - first + 1, &reply) != 0) {
        return -1;
    }
    const struct redis_reply last_entry = redis_reply_element(&reply, 0);
    if (redis_reader_take_last_entry(&last_entry, &scan->result->cuts[reader->partition], scan->error) != 0) {
        return -1;
    }
    for (size_t i = first; i < last; i++) {
        const struct redis_reply counters = redis_reply_element(&reply, i - first + 1);
        if (take_resource(scan, &scan->resources[i], &counters) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- HLEN before ------------------------------------------------------------------------------------------------- */

static int take_length(struct scan *scan, struct resource *resource)
{
    struct redis_reply reply;
    if (redis_conn_next(scan->conn, &reply) != 0) {
        error_set(scan->error, "%s", redis_conn_error(scan->conn));
        return -1;
    }
    resource->fields = reply.type == REDIS_INTEGER ? (uint64_t)reply.integer : 1; /* HGETALL tells what it is */
    if (resource->fields > HASH_FIELDS_MAX) {
        error_set(
            scan->error,
            "resource %.*s has %" PRIu64
            " counters in Redis: more than %d of one resource are not read, since Redis would stand still meanwhile",
            (int)resource->id.len, resource->id.data, resource->fields, HASH_FIELDS_MAX);
        return -1;
    }
    return 0;
}

static int read_lengths(struct scan *scan)
{
    buffer_clear(&scan->requests, SIZE_MAX);
    for (size_t i = 0; i < scan->count; i++) {
        put_question(&scan->requests, TEXT("HLEN"), &scan->resources[i]);
    }
    if (begin(scan, &scan->requests) != 0) {
        return -1;
    }
    for (size_t i = 0; i < scan->count; i++) {
        if (take_length(scan, &scan->resources[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Behind the last resource of the step that begins with first: a transaction is of one partition. */
static size_t end_of_step(const struct scan *scan, size_t first)
{
    uint64_t fields = scan->resources[first].fields;
    size_t last = first + 1;
    while (last < scan->count && scan->resources[last].reader == scan->resources[first].reader &&
           fields + scan->resources[last].fields <= STEP_FIELDS_MAX) {
        fields += scan->resources[last++].fields;
    }
    return last;
}

static int read_counters(struct scan *scan)
{
    if (scan->count > 0 && read_lengths(scan) != 0) {
        return -1;
    }
    for (size_t first = 0; first < scan->count;) {
        const size_t last = end_of_step(scan, first);
        if (read_step(scan, first, last) != 0) {
            return -1;
        }
        first = last;
    }
    return 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static int run(struct scan *scan)
{
    buffer_clear(&scan->cursor, SIZE_MAX);
    buffer_append_text(&scan->cursor, TEXT("0"));
    if (scan->cursor.failed) {
        return out_of_memory(scan);
    }
    do {
        if (find_keys(scan) != 0 || read_counters(scan) != 0) {
            return -1;
        }
    } while (!text_equal(text_in(&scan->cursor), TEXT("0")));
    return 0;
}

int redis_scan(const struct redis_readers *readers, struct shard shard, struct counter_table *table,
               struct report *report, struct redis_scan_result *result, struct error *error)
{
    struct scan scan = {
        .readers = readers, .shard = shard, .table = table, .report = report, .result = result, .error = error};
    int failed = 0;
    buffer_init(&scan.requests);
    buffer_init(&scan.cursor);
    arena_init(&scan.memory);
    for (size_t i = 0; i < readers->link_count && failed == 0; i++) {
        scan.conn = readers->links[i].conn;
        failed = run(&scan);
    }
    arena_done(&scan.memory);
    buffer_done(&scan.cursor);
    buffer_done(&scan.requests);
    return failed;
}
