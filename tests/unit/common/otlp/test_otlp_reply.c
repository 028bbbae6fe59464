#include "common/otlp/otlp_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum otlp_verdict verdict_of(int status)
{
    struct otlp_reply reply;
    otlp_reply_read(status, TEXT(""), &reply);
    assert_int_equal(reply.rejected, 0);
    assert_string_equal(reply.said, "");
    return reply.verdict;
}

static void test_only_four_statuses_are_tried_again(void **state)
{
    (void)state;
    for (int status = 100; status <= 599; status++) {
        const bool is_one = status == 429 || status == 502 || status == 503 || status == 504;
        const enum otlp_verdict other = status / 100 == 2 ? OTLP_ACCEPTED : OTLP_REFUSED;
        assert_int_equal(verdict_of(status), is_one ? OTLP_TRY_AGAIN : other);
    }
}

static struct otlp_reply read_ok(const char *bytes, size_t len)
{
    struct otlp_reply reply;
    otlp_reply_read(200, (struct text){bytes, len}, &reply);
    assert_int_equal(reply.verdict, OTLP_ACCEPTED);
    return reply;
}

static void test_a_partial_success_is_read(void **state)
{
    (void)state;
    struct otlp_reply reply = read_ok("\x0a\x07\x08\x02\x12\x03old", 9);
    assert_int_equal(reply.rejected, 2);
    assert_string_equal(reply.said, "old");
    reply = read_ok("\x0a\x05\x12\x03old", 7);
    assert_int_equal(reply.rejected, 0);
    assert_string_equal(reply.said, "old");
    reply = read_ok("\x0a\x00", 2);
    assert_int_equal(reply.rejected, 0);
    assert_string_equal(reply.said, "");
}

static void test_what_makes_no_sense_rejects_nothing(void **state)
{
    (void)state;
    static const char negative[] = "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_int_equal(read_ok(negative, sizeof(negative) - 1).rejected, 0);
    assert_int_equal(read_ok("{\"a\":1}", 7).rejected, 0);
    assert_int_equal(read_ok("\x0a\x7f", 2).rejected, 0);
}

static void test_what_is_said_is_kept_printable_and_short(void **state)
{
    (void)state;
    char long_text[1000];
    struct otlp_reply reply;
    otlp_reply_read(400,
                    TEXT("\x12\x09"
                         "too\nlong\x1b"),
                    &reply);
    assert_string_equal(reply.said, "toolong");
    memset(long_text, 'x', sizeof(long_text));
    otlp_reply_read(500, (struct text){long_text, sizeof(long_text)}, &reply);
    assert_int_equal(strlen(reply.said), OTLP_SAID_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_four_statuses_are_tried_again),
        cmocka_unit_test(test_a_partial_success_is_read),
        cmocka_unit_test(test_what_makes_no_sense_rejects_nothing),
        cmocka_unit_test(test_what_is_said_is_kept_printable_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
