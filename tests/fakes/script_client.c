#include "tests/fakes/script_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buffer.h"
#include "common/base/decimal.h"
#include "common/contract/limits.h"
#include "counter-service/commands/session_command.h"
#include "counter-service/commands/write_command.h"
#include "counter-service/commands/write_script.h"
#include "counter-service/event/event_batch.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_conn.h"
#include "tests/fakes/loopback.h"

enum {
    TIMEOUT_MS = 20000,
    SHA1_DIGITS = 40, /* of the script's name, and of a digest of the data set */
    LIFE_MS = 3600000,
    EVENTS_MAX = 1000000, /* more than a schedule makes */
};

struct script_client {
    struct redis_conn *conn;
    struct write_settings settings;
    struct buffer requests;
    struct buffer packed;
    char script_sha[SHA1_DIGITS];
};

struct script_client *script_client_create(struct redis_process *redis)
{
    struct script_client *client = calloc(1, sizeof(*client));
    assert_non_null(client);
    client->settings = (struct write_settings){
        .prefix = redis_key_prefix_of(0),
        .idempotency_ttl_ms = 86400000,
        .outbox = {.stream = outbox_stream, .marks = outbox_marks, .events_max = EVENTS_MAX},
    };
    buffer_init(&client->requests);
    buffer_init(&client->packed);
    const char *sha = REDIS_ASK(redis, "SCRIPT", "LOAD", write_script);
    assert_int_equal(strlen(sha), SHA1_DIGITS);
    memcpy(client->script_sha, sha, SHA1_DIGITS);
    const char *port = strchr(redis_process_address(redis), ':') + 1;
    struct error error;
    client->conn = loopback_conn((int)strtol(port, NULL, 10), TIMEOUT_MS, &error);
    if (client->conn == NULL) {
        fail_msg("%s", error.message);
    }
    return client;
}

void script_client_free(struct script_client *client)
{
    if (client == NULL) {
        return;
    }
    redis_conn_close(client->conn);
    buffer_done(&client->requests);
    buffer_done(&client->packed);
    free(client);
}

static void session_id(char out[SESSION_LEN + 1], unsigned session)
{
    snprintf(out, SESSION_LEN + 1, "session-%08u", session % 100000000);
}

const char *script_client_session_key(unsigned session)
{
    static char key[64] = "tally:{p0}:s:";
    session_id(strrchr(key, ':') + 1, session);
    return key;
}

static void begin(struct script_client *client)
{
    assert_false(client->requests.failed);
    redis_conn_begin(client->conn, (struct text){client->requests.data, client->requests.len}, TIMEOUT_MS);
}

static struct redis_reply next_reply(struct script_client *client)
{
    struct redis_reply reply;
    if (redis_conn_next(client->conn, &reply) != 0) {
        fail_msg("%s", redis_conn_error(client->conn));
    }
    return reply;
}

static void take_digest(struct script_client *client, char out[SHA1_DIGITS])
{
    const struct redis_reply reply = next_reply(client);
    assert_int_equal(reply.type, REDIS_TEXT);
    assert_int_equal(reply.text.len, SHA1_DIGITS);
    memcpy(out, reply.text.data, SHA1_DIGITS);
}

static void fill_items(struct store_item *items, const struct oracle_batch *batch)
{
    static const char *const keys[ORACLE_KEYS] = {"", "k1", "k2", "k3"};
    for (size_t i = 0; i < batch->item_count; i++) {
        const struct oracle_item *item = &batch->items[i];
        items[i] = (struct store_item){
            .resource_id = text_of(oracle_counters[item->counter].resource_id),
            .counter_type = text_of(oracle_counters[item->counter].counter_type),
            .user_id = TEXT("u"),
            .idempotency_key = text_of(keys[item->key]),
            .delta = item->delta,
        };
    }
}

static void append_write(struct script_client *client, const struct oracle_batch *batch,
                         struct write_script_name script, struct store_item *items)
{
    const struct text digest = TEXT("*2\r\n$5\r\nDEBUG\r\n$6\r\nDIGEST\r\n");
    char id[SESSION_LEN + 1];
    session_id(id, batch->session);
    const struct store_call call = {
        .operation = STORE_INCREMENT,
        .session = {.id = (const uint8_t *)id, .lane = batch->lane, .sequence = batch->sequence},
        .items = items,
        .item_count = batch->item_count,
    };
    buffer_clear(&client->requests, SIZE_MAX);
    buffer_append_text(&client->requests, digest);
    assert_int_equal(write_command_append(&client->requests, &client->packed, &client->settings, script, &call), 0);
    buffer_append_text(&client->requests, digest);
}

/* Returns false if Redis does not know the script. */
static bool write_once(struct script_client *client, const struct oracle_batch *batch, struct write_script_name script,
                       struct script_outcome *outcome)
{
    char before[SHA1_DIGITS];
    char after[SHA1_DIGITS];
    fill_items(outcome->items, batch);
    append_write(client, batch, script, outcome->items);
    begin(client);
    take_digest(client, before);
    const struct redis_reply reply = next_reply(client);
    const bool is_known = reply.type == REDIS_TEXT;
    if (is_known) {
        assert_true(reply.text.len > 0);
        outcome->letter = reply.text.data[0];
        outcome->reply = write_reply_parse(reply.text, outcome->items, batch->item_count);
        assert_int_equal(outcome->reply.trouble.len, 0);
    } else {
        assert_int_equal(reply.type, REDIS_ERROR);
        assert_memory_equal(reply.text.data, "NOSCRIPT", 8);
    }
    take_digest(client, after);
    outcome->changed = memcmp(before, after, SHA1_DIGITS) != 0;
    return is_known;
}

struct script_outcome script_client_write(struct script_client *client, const struct oracle_batch *batch)
{
    const struct write_script_name by_name = {TEXT("EVALSHA"), {client->script_sha, SHA1_DIGITS}};
    const struct write_script_name by_text = {TEXT("EVAL"), {write_script, write_script_len}};
    struct script_outcome outcome = {0};
    if (!write_once(client, batch, by_name, &outcome)) {
        assert_false(outcome.changed);
        assert_true(write_once(client, batch, by_text, &outcome));
    }
    return outcome;
}

enum status script_client_session(struct script_client *client, enum store_operation operation, unsigned session)
{
    char id[SESSION_LEN + 1];
    session_id(id, session);
    const struct store_call call = {.operation = operation, .session = {.id = (const uint8_t *)id}};
    buffer_clear(&client->requests, SIZE_MAX);
    assert_int_equal(session_command_append(&client->requests, &client->settings.prefix, LIFE_MS, &call), 0);
    begin(client);
    const struct redis_reply reply = next_reply(client);
    const char *detail;
    return session_command_reply(&reply, &call, &detail);
}

static void take_events(const struct redis_reply *entry, uint64_t *number, script_client_on_event on_event, void *ctx)
{
    const struct redis_reply fields = redis_reply_element(entry, 1);
    struct event_batch_reader reader;
    struct event event;
    int found;
    assert_int_equal(fields.element_count, 6);
    const struct redis_reply first = redis_reply_element(&fields, 1);
    int64_t first_number;
    assert_true(decimal_parse(first.text, &first_number));
    assert_true((uint64_t)first_number == *number + 1);
    assert_int_equal(event_batch_open(&reader, 0, (struct stream_id){0, 0}, redis_reply_element(&fields, 3).text,
                                      redis_reply_element(&fields, 5).text),
                     0);
    while ((found = event_batch_next(&reader, &event)) == 1) {
        ++*number;
        on_event(ctx, &event);
    }
    assert_int_equal(found, 0);
}

uint64_t script_client_events(struct script_client *client, script_client_on_event on_event, void *ctx)
{
    uint64_t number = 0;
    buffer_clear(&client->requests, SIZE_MAX);
    redis_command_words(&client->requests, TEXT("XRANGE"), TEXT("tally:{p0}:events"), TEXT("-"), TEXT("+"));
    begin(client);
    const struct redis_reply entries = next_reply(client);
    for (size_t i = 0; i < entries.element_count; i++) {
        const struct redis_reply entry = redis_reply_element(&entries, i);
        take_events(&entry, &number, on_event, ctx);
    }
    return number;
}
