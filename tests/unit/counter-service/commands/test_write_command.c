#include "counter-service/commands/write_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/contract/limits.h"
#include "counter-service/commands/fingerprint.h"
#include "counter-service/redis/resp.h"

static const struct write_script_name by_sha = {{"EVALSHA", 7}, {"0123456789012345678901234567890123456789", 40}};

static struct write_settings settings(void)
{
    return (struct write_settings){.prefix = redis_key_prefix_of(0), .idempotency_ttl_ms = 86400000};
}

static struct store_item item_of(const char *resource_id, const char *counter_type, const char *key, int64_t delta)
{
    return (struct store_item){
        .resource_id = text_of(resource_id),
        .counter_type = text_of(counter_type),
        .user_id = TEXT(""),
        .idempotency_key = text_of(key),
        .delta = delta,
    };
}

/* Takes the command apart again: its strings, in order. */
struct words {
    struct text *word;
    size_t count;
};

static size_t take_number(const char **at, char type)
{
    assert_int_equal(**at, type);
    char *end;
    size_t number = strtoul(*at + 1, &end, 10);
    assert_memory_equal(end, "\r\n", 2);
    *at = end + 2;
    return number;
}

static struct words take_apart(const struct buffer *command)
{
    const char *at = command->data;
    struct words words = {.count = take_number(&at, '*')};
    words.word = calloc(words.count, sizeof(struct text));
    assert_non_null(words.word);
    for (size_t i = 0; i < words.count; i++) {
        size_t len = take_number(&at, '$');
        words.word[i] = (struct text){at, len};
        assert_memory_equal(at + len, "\r\n", 2);
        at += len + 2;
    }
    assert_ptr_equal(at, command->data + command->len);
    return words;
}

static void assert_words(const struct buffer *command, const struct text *expected, size_t count)
{
    struct words words = take_apart(command);
    assert_int_equal(words.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(text_equal(words.word[i], expected[i]));
    }
    free(words.word);
}

static void assert_command_of(const struct write_settings *settings_, const struct store_call *call,
                              const struct text *expected, size_t count)
{
    const struct write_settings all = *settings_;
    struct buffer out;
    struct buffer packed;
    buffer_init(&out);
    buffer_init(&packed);
    assert_int_equal(write_command_append(&out, &packed, &all, by_sha, call), 0);
    assert_words(&out, expected, count);
    buffer_done(&out);
    buffer_done(&packed);
}

static void assert_command(const struct store_call *call, const struct text *expected, size_t count)
{
    const struct write_settings all = settings();
    assert_command_of(&all, call, expected, count);
}

#define ASSERT_COMMAND(call, ...) \
    assert_command((call), (const struct text[]){by_sha.verb, by_sha.script, __VA_ARGS__}, \
                   sizeof((const struct text[]){by_sha.verb, by_sha.script, __VA_ARGS__}) / sizeof(struct text))

static void test_one_increment_without_ids(void **state)
{
    (void)state;
    struct store_item item = item_of("post:1", "like", "", -3);
    const struct store_call call = {.items = &item, .item_count = 1};
    ASSERT_COMMAND(&call, TEXT("1"), TEXT("tally:{p0}:c:post:1"), TEXT(""), TEXT(""), TEXT(""), TEXT("86400000"),
                   TEXT("2"), TEXT(""), TEXT("like"), TEXT("-3"));
}

static void test_a_call_in_a_session_with_an_idempotency_key(void **state)
{
    (void)state;
    static const uint8_t session[SESSION_LEN] = "0123456789abcdef";
    struct store_item items[] = {item_of("a", "like", "", 1), item_of("b", "view", "key-1", INT64_MIN)};
    const struct store_call call = {.items = items, .item_count = 2, .session = {session, 1023, 42}};
    const struct call_fingerprint whole = fingerprint_of_call(items, 2);
    const struct fingerprint increment = fingerprint_of_increment(INT64_MIN, TEXT(""));
    ASSERT_COMMAND(&call, TEXT("4"), TEXT("tally:{p0}:s:0123456789abcdef"), TEXT("tally:{p0}:c:a"),
                   TEXT("tally:{p0}:c:b"), TEXT("tally:{p0}:i:1:b:view:key-1"), TEXT("0000000000000000042"),
                   TEXT("1023"), ((struct text){whole.bytes, CALL_FINGERPRINT_LEN}), TEXT("86400000"), TEXT("3"),
                   TEXT(""), TEXT("like"), TEXT("1"), TEXT(""), TEXT("view"), TEXT("-9223372036854775808"),
                   ((struct text){increment.bytes, FINGERPRINT_LEN}));
}

static void test_a_call_whose_events_are_kept_has_its_items_packed(void **state)
{
    (void)state;
    struct store_item items[] = {item_of("a", "like", "", 1), item_of("b", "view", "", -2)};
    const struct store_call call = {.items = items, .item_count = 2};
    struct write_settings all = settings();
    all.outbox = (struct outbox_settings){
        .stream = outbox_stream, .marks = outbox_marks, .events_max = 5000, .refuse_when_full = true};
    const struct text expected[] = {
        by_sha.verb,
        by_sha.script,
        TEXT("4"),
        TEXT("tally:{p0}:outbox"),
        TEXT("tally:{p0}:events"),
        TEXT("tally:{p0}:c:a"),
        TEXT("tally:{p0}:c:b"),
        TEXT(""),
        TEXT(""),
        TEXT(""),
        TEXT("86400000"),
        TEXT("2"),
        TEXT("\1\1a\4like\0\2\1b\4view\0\3"),
        TEXT("5000"),
        TEXT("r"),
        TEXT("like"),
        TEXT("1"),
        TEXT("view"),
        TEXT("-2"),
    };
    assert_command_of(&all, &call, expected, sizeof(expected) / sizeof(expected[0]));
}

static void test_commands_are_appended(void **state)
{
    (void)state;
    const struct write_settings all = settings();
    struct store_item item = item_of("a", "like", "", 1);
    const struct store_call call = {.items = &item, .item_count = 1};
    struct buffer out;
    struct buffer packed;
    buffer_init(&out);
    buffer_init(&packed);
    assert_int_equal(write_command_append(&out, &packed, &all, by_sha, &call), 0);
    const size_t first = out.len;
    assert_int_equal(write_command_append(&out, &packed, &all, by_sha, &call), 0);
    assert_int_equal(out.len, 2 * first);
    assert_memory_equal(out.data, out.data + first, first);
    buffer_done(&out);
    buffer_done(&packed);
}

/* Every field at its bound. */
static void test_the_largest_batch_fits(void **state)
{
    (void)state;
    static char long_text[RESOURCE_ID_LEN_MAX];
    static const uint8_t session[SESSION_LEN] = {0};
    memset(long_text, 'x', sizeof(long_text));
    struct store_item *items = calloc(BATCH_ITEMS_MAX, sizeof(*items));
    assert_non_null(items);
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        items[i].resource_id = (struct text){long_text, RESOURCE_ID_LEN_MAX};
        items[i].counter_type = (struct text){long_text, COUNTER_TYPE_LEN_MAX};
        items[i].user_id = (struct text){long_text, USER_ID_LEN_MAX};
        items[i].idempotency_key = (struct text){long_text, IDEMPOTENCY_KEY_LEN_MAX};
        items[i].delta = INT64_MIN;
    }
    const struct store_call call = {
        .items = items, .item_count = BATCH_ITEMS_MAX, .session = {session, SESSION_LANES - 1, INT64_MAX}};
    struct write_settings all = settings();
    all.prefix = redis_key_prefix_of(INT32_MAX);
    all.idempotency_ttl_ms = INT64_MAX;
    all.outbox = (struct outbox_settings){.stream = outbox_stream, .marks = outbox_marks, .events_max = INT64_MAX};
    struct buffer out;
    struct buffer packed;
    buffer_init(&out);
    buffer_init(&packed);
    assert_int_equal(write_command_append(&out, &packed, &all, by_sha, &call), 0);
    struct words words = take_apart(&out);
    assert_int_equal(words.count, 3 + 3 + 2 * BATCH_ITEMS_MAX + 8 + 3 * BATCH_ITEMS_MAX);
    free(words.word);
    buffer_done(&out);
    buffer_done(&packed);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_increment_without_ids),
        cmocka_unit_test(test_a_call_in_a_session_with_an_idempotency_key),
        cmocka_unit_test(test_a_call_whose_events_are_kept_has_its_items_packed),
        cmocka_unit_test(test_commands_are_appended),
        cmocka_unit_test(test_the_largest_batch_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
