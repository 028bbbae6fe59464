#include "counter-service/verify/redis_reader.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/decimal.h"
#include "counter-service/event/stream_id.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"
#include "counter-service/verify/report.h"

/* Sends what is in reader->requests. */
static int begin(struct redis_reader *reader, struct error *error)
{
    return redis_command_begin(reader->conn, &reader->requests, reader->timeout_ms, error);
}

void redis_reader_init(struct redis_reader *reader, int partition, int partitions, int timeout_ms)
{
    *reader = (struct redis_reader){
        .timeout_ms = timeout_ms, .partition = partition, .prefix = redis_key_prefix_of(partition)};
    if (partitions > 1) {
        snprintf(reader->where, sizeof(reader->where), " (partition %d)", partition);
    }
    buffer_init(&reader->requests);
}

void redis_reader_done(struct redis_reader *reader)
{
    buffer_done(&reader->requests);
}

/* ---- the last entry ---------------------------------------------------------------------------------------------- */

void redis_reader_put_last_entry(struct redis_reader *reader)
{
    resp_put_array(&reader->requests, 3);
    resp_put_string(&reader->requests, TEXT("XINFO"));
    resp_put_string(&reader->requests, TEXT("STREAM"));
    redis_key_put_single(&reader->requests, &reader->prefix, outbox_stream);
}

/* The answer is a list of names and values (https://redis.io/commands/xinfo-stream/). */
int redis_reader_take_last_entry(const struct redis_reply *reply, struct stream_id *ret_id, struct error *error)
{
    if (reply->type == REDIS_ERROR && text_equal(reply->text, TEXT("ERR no such key"))) {
        *ret_id = (struct stream_id){0, 0};
        return 0;
    }
    if (reply->type == REDIS_ERROR) {
        error_set(error, "Redis refuses XINFO: %s", redis_quote(reply->text).text);
        return -1;
    }
    for (size_t i = 0; reply->type == REDIS_ARRAY && i + 1 < reply->element_count; i += 2) {
        if (text_equal(redis_reply_element(reply, i).text, TEXT("last-generated-id")) &&
            stream_id_parse(redis_reply_element(reply, i + 1).text, ret_id)) {
            return 0;
        }
    }
    error_set(error, "Redis's answer to XINFO has no last-generated-id");
    return -1;
}

int redis_reader_last_entry(struct redis_reader *reader, struct stream_id *ret_id, struct error *error)
{
    struct redis_reply reply;
    buffer_clear(&reader->requests, SIZE_MAX);
    redis_reader_put_last_entry(reader);
    if (begin(reader, error) != 0) {
        return -1;
    }
    if (redis_conn_next(reader->conn, &reply) != 0) {
        error_set(error, "%s", redis_conn_error(reader->conn));
        return -1;
    }
    return redis_reader_take_last_entry(&reply, ret_id, error);
}

/* ---- the relay's position ---------------------------------------------------------------------------------------- */

/* "<ms>-<seq> <number of its last event>" */
static bool parse_position(struct text text, struct stream_id *ret_id, uint64_t *ret_number)
{
    const struct text id = text_cut(&text, ' ');
    return stream_id_parse(id, ret_id) && decimal_parse_unsigned(text, UINT64_MAX, ret_number);
}

static int understand(const struct redis_reply *position, const struct redis_reply *numbers,
                      struct relay_position *ret_position, struct error *error)
{
    uint64_t done = 0, trimmed = 0, appended = 0;
    const struct redis_reply n = redis_reply_element(numbers, 0);
    const struct redis_reply t = redis_reply_element(numbers, 1);
    *ret_position = (struct relay_position){.waiting = 0};
    if ((position->type != REDIS_NIL && !parse_position(position->text, &ret_position->id, &done)) ||
        (n.type != REDIS_NIL && !decimal_parse_unsigned(n.text, UINT64_MAX, &appended)) ||
        (t.type != REDIS_NIL && !decimal_parse_unsigned(t.text, UINT64_MAX, &trimmed))) {
        error_set(error, "a key of the outbox in Redis is damaged");
        return -1;
    }
    /* What was dropped waits no more. */
    const uint64_t gone = done > trimmed ? done : trimmed;
    ret_position->waiting = appended > gone ? appended - gone : 0;
    ret_position->appended = appended;
    return 0;
}

/* In one step, so that they belong together. */
int redis_reader_position(struct redis_reader *reader, struct relay_position *ret_position, struct error *error)
{
    struct buffer *out = &reader->requests;
    struct redis_reply reply;
    buffer_clear(out, SIZE_MAX);
    redis_command_words(out, TEXT("MULTI"));
    resp_put_array(out, 2);
    resp_put_string(out, TEXT("GET"));
    redis_key_put_single(out, &reader->prefix, TEXT("pos:kafka"));
    resp_put_array(out, 4);
    resp_put_string(out, TEXT("HMGET"));
    redis_key_put_single(out, &reader->prefix, outbox_marks);
    resp_put_string(out, TEXT("n"));
    resp_put_string(out, TEXT("t"));
    redis_reader_put_last_entry(reader);
    redis_command_words(out, TEXT("EXEC"));
    if (begin(reader, error) != 0 || redis_command_expect(reader->conn, "MULTI", &reply, error) != 0 ||
        redis_command_expect(reader->conn, "GET", &reply, error) != 0 ||
        redis_command_expect(reader->conn, "HMGET", &reply, error) != 0 ||
        redis_command_expect(reader->conn, "XINFO", &reply, error) != 0 ||
        redis_command_expect(reader->conn, "EXEC", &reply, error) != 0) {
        return -1;
    }
    if (reply.type != REDIS_ARRAY || reply.element_count != 3) {
        error_set(error, "Redis's answer to EXEC was not understood");
        return -1;
    }
    const struct redis_reply position = redis_reply_element(&reply, 0);
    const struct redis_reply numbers = redis_reply_element(&reply, 1);
    const struct redis_reply last_entry = redis_reply_element(&reply, 2);
    if (numbers.type != REDIS_ARRAY || numbers.element_count != 2) {
        error_set(error, "a key of the outbox in Redis is damaged");
        return -1;
    }
    return understand(&position, &numbers, ret_position, error) == 0
               ? redis_reader_take_last_entry(&last_entry, &ret_position->last_entry, error)
               : -1;
}

int redis_reader_check_outbox(struct redis_reader *reader, struct error *error)
{
    struct relay_position position;
    if (redis_reader_position(reader, &position, error) != 0) {
        return -1;
    }
    const struct stream_id last = position.last_entry;
    if (last.ms == 0 && last.seq == 0 && position.appended > 0) {
        error_set(error,
                  "Redis has no key %.*sevents, though the outbox had %" PRIu64
                  " event%s: it was deleted, and nothing tells which events the counters have",
                  (int)reader->prefix.len, reader->prefix.data, position.appended, report_plural(position.appended));
        return -1;
    }
    if (stream_id_compare(position.id, last) > 0) {
        error_set(error,
                  "events are published up to entry %" PRIu64 "-%" PRIu64 " (%.*spos:kafka), and %.*sevents has only "
                  "come to %" PRIu64 "-%" PRIu64 ": one of these keys was deleted or changed",
                  position.id.ms, position.id.seq, (int)reader->prefix.len, reader->prefix.data,
                  (int)reader->prefix.len, reader->prefix.data, last.ms, last.seq);
        return -1;
    }
    return 0;
}
