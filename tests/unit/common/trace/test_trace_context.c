#include "common/trace/trace_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static void test_it_is_written_as_it_was_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-00"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct trace_context context;
        char written[TRACE_PARENT_LEN + 1] = "";
        assert_int_equal(trace_context_parse(text_of(texts[i]), &context), 0);
        assert_int_equal(context.is_sampled, i == 0);
        assert_int_equal(context.trace_id[0], 0x0A);
        assert_int_equal(context.span_id[7], 0x31);
        trace_context_write(&context, written);
        assert_string_equal(written, texts[i]);
    }
}

/* www.w3.org/TR/trace-context, 3.2.2 and 4. */
static void test_what_a_later_version_adds_is_passed_over(void **state)
{
    (void)state;
    static const char *const texts[] = {"cc-" TRACE "-" SPAN "-01", "cc-" TRACE "-" SPAN "-01-what-will-be",
                                        "01-" TRACE "-" SPAN "-09", "fe-" TRACE "-" SPAN "-ff-",
                                        "00-" TRACE "-" SPAN "-ff"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct trace_context context;
        assert_int_equal(trace_context_parse(text_of(texts[i]), &context), 0);
        assert_true(context.is_sampled);
    }
}

static void test_what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "00",
        "00-",
        "ff-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01-extra",
        "cc-" TRACE "-" SPAN "-01.extra",
        "cc-" TRACE "-" SPAN "-012",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-0x",
        "00-" TRACE "." SPAN "-01",
        "0-" TRACE "-" SPAN "-01",
        "000-" TRACE "-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00-" TRACE "-B7AD6B7169203331-01",
        "00-" TRACE "a-" SPAN "-01",
        " 00-" TRACE "-" SPAN "-01",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct trace_context context;
        if (trace_context_parse(text_of(texts[i]), &context) == 0) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
    }
    struct trace_context context;
    assert_int_equal(
        trace_context_parse((struct text){"00-\0af7651916cd43dd8448eb211c80319c-" SPAN "-01", 55}, &context), -1);
}

static void test_a_tracestate_is_members_between_commas(void **state)
{
    (void)state;
    static const char *const valid[] = {"a=1",
                                        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
                                        "a=1 , b=2\t,c=3",
                                        "a=1,,b=2",
                                        "a=1,",
                                        "tenant@system=v",
                                        "a/b*c_d-e=~!#",
                                        "1a=b",
                                        "a=with blank"};
    static const char *const invalid[] = {"",      ",",    "a",     "a=",     "=1",         "A=1",
                                          "a=1=2", "_a=1", "a b=1", "a=\x7f", "a=\xc3\xa9", "a=1;b"};
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        if (!trace_state_is_valid(text_of(valid[i]))) {
            fail_msg("\"%s\" was refused", valid[i]);
        }
    }
    for (size_t i = 0; i + 1 < sizeof(invalid) / sizeof(invalid[0]); i++) { /* a ';' is as good as any */
        if (trace_state_is_valid(text_of(invalid[i]))) {
            fail_msg("\"%s\" was taken", invalid[i]);
        }
    }
}

static void test_a_tracestate_has_its_bounds(void **state)
{
    (void)state;
    char text[TRACE_STATE_LEN_MAX + 2];
    size_t len = 0;
    for (int i = 0; i < TRACE_STATE_MEMBERS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "k%d=v,", i);
    }
    assert_true(trace_state_is_valid((struct text){text, len}));
    len += (size_t)snprintf(text + len, sizeof(text) - len, "last=v");
    assert_false(trace_state_is_valid((struct text){text, len}));
    memset(text, 'x', sizeof(text));
    memcpy(text, "a=", 2);
    assert_true(trace_state_is_valid((struct text){text, 2 + 256}));
    assert_false(trace_state_is_valid((struct text){text, 2 + 257}));
    memcpy(text + 256, ",b=", 3);
    assert_true(trace_state_is_valid((struct text){text, TRACE_STATE_LEN_MAX}));
    assert_false(trace_state_is_valid((struct text){text, TRACE_STATE_LEN_MAX + 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_written_as_it_was_read),
        cmocka_unit_test(test_what_a_later_version_adds_is_passed_over),
        cmocka_unit_test(test_what_is_none_is_refused),
        cmocka_unit_test(test_a_tracestate_is_members_between_commas),
        cmocka_unit_test(test_a_tracestate_has_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
