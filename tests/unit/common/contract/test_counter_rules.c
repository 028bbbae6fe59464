#include "common/contract/counter_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/contract/limits.h"

typedef const char *(*rule)(struct text value);

static char long_text[RESOURCE_ID_LEN_MAX + 1];

static int fill_long_text(void **state)
{
    (void)state;
    memset(long_text, 'a', sizeof(long_text));
    return 0;
}

/* A refusal names the field, so that a caller knows what to change. */
static void assert_refused(rule check, const char *field, struct text value)
{
    const char *sentence = check(value);
    assert_non_null(sentence);
    assert_int_equal(strncmp(sentence, field, strlen(field)), 0);
}

static void assert_length_bounds(rule check, const char *field, size_t min, size_t max)
{
    assert_null(check((struct text){long_text, min}));
    assert_null(check((struct text){long_text, max}));
    assert_refused(check, field, (struct text){long_text, max + 1});
    if (min > 0) {
        assert_refused(check, field, (struct text){long_text, 0});
        assert_refused(check, field, (struct text){NULL, 0});
    }
}

/* Puts each byte alone behind an 'a' and compares the verdict. */
static void assert_ascii(rule check, const char *field, int (*is_allowed)(int byte))
{
    for (int byte = 0; byte < 0x80; byte++) {
        const struct text value = {(const char[]){'a', (char)byte}, 2};
        if (is_allowed(byte)) {
            assert_null(check(value));
        } else {
            assert_refused(check, field, value);
        }
    }
}

static void test_lengths_are_bounded(void **state)
{
    (void)state;
    assert_length_bounds(counter_rules_resource_id, "resource_id", 1, 256);
    assert_length_bounds(counter_rules_counter_type, "counter_type", 1, 64);
    assert_length_bounds(counter_rules_user_id, "user_id", 0, 128);
    assert_length_bounds(counter_rules_idempotency_key, "idempotency_key", 1, 128);
}

static int allowed_in_resource_id(int byte)
{
    return byte >= 0x20 && byte != 0x7F && byte != '{' && byte != '}';
}

static void test_a_resource_id_has_no_ascii_controls_and_no_braces(void **state)
{
    (void)state;
    assert_ascii(counter_rules_resource_id, "resource_id", allowed_in_resource_id);
}

static void test_a_resource_id_has_no_c1_controls(void **state)
{
    (void)state;
    for (int byte = 0x80; byte < 0xC0; byte++) {
        const struct text value = {(const char[]){'a', '\xC2', (char)byte, 'b'}, 4};
        if (byte < 0xA0) {
            assert_refused(counter_rules_resource_id, "resource_id", value);
        } else {
            assert_null(counter_rules_resource_id(value));
        }
    }
    /* The second of these bytes and the first of the next look like one, and are not. */
    assert_null(counter_rules_resource_id(TEXT("\xC3\x82\xC3\x80")));
    assert_null(counter_rules_resource_id(TEXT("\xF0\x9F\x98\x80\xE2\x82\xAC")));
}

static void test_a_resource_id_is_no_dot_segment(void **state)
{
    (void)state;
    assert_refused(counter_rules_resource_id, "resource_id", TEXT("."));
    assert_refused(counter_rules_resource_id, "resource_id", TEXT(".."));
    assert_null(counter_rules_resource_id(TEXT("...")));
    assert_null(counter_rules_resource_id(TEXT(".a")));
    assert_null(counter_rules_resource_id(TEXT("a/../b")));
}

static void test_a_resource_id_is_utf8(void **state)
{
    (void)state;
    assert_null(counter_rules_resource_id(TEXT("caf\xC3\xA9")));
    assert_refused(counter_rules_resource_id, "resource_id", TEXT("caf\xC3"));
    assert_refused(counter_rules_resource_id, "resource_id", TEXT("\xED\xA0\x80"));
}

static int allowed_in_counter_type(int byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' || byte == '-';
}

static void test_a_counter_type_has_a_small_alphabet(void **state)
{
    (void)state;
    assert_ascii(counter_rules_counter_type, "counter_type", allowed_in_counter_type);
    assert_refused(counter_rules_counter_type, "counter_type", TEXT("caf\xC3\xA9"));
}

static void test_a_counter_type_starts_with_a_letter(void **state)
{
    (void)state;
    assert_null(counter_rules_counter_type(TEXT("a")));
    assert_null(counter_rules_counter_type(TEXT("z9_.-")));
    static const char *const refused[] = {"1a", "_a", ".a", "-a", "A", "{"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_refused(counter_rules_counter_type, "counter_type", text_of(refused[i]));
    }
}

static void test_a_user_id_is_any_utf8(void **state)
{
    (void)state;
    assert_null(counter_rules_user_id((struct text){NULL, 0}));
    assert_null(counter_rules_user_id(TEXT("{J\xC3\xBCrgen}\t")));
    assert_refused(counter_rules_user_id, "user_id", TEXT("\xFF"));
}

static int allowed_in_key(int byte)
{
    return byte >= 0x21 && byte <= 0x7E;
}

static void test_an_idempotency_key_is_visible_ascii(void **state)
{
    (void)state;
    assert_ascii(counter_rules_idempotency_key, "idempotency_key", allowed_in_key);
    assert_refused(counter_rules_idempotency_key, "idempotency_key", TEXT("\xC3\xA9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_are_bounded),
        cmocka_unit_test(test_a_resource_id_has_no_ascii_controls_and_no_braces),
        cmocka_unit_test(test_a_resource_id_has_no_c1_controls),
        cmocka_unit_test(test_a_resource_id_is_no_dot_segment),
        cmocka_unit_test(test_a_resource_id_is_utf8),
        cmocka_unit_test(test_a_counter_type_has_a_small_alphabet),
        cmocka_unit_test(test_a_counter_type_starts_with_a_letter),
        cmocka_unit_test(test_a_user_id_is_any_utf8),
        cmocka_unit_test(test_an_idempotency_key_is_visible_ascii),
    };
    return cmocka_run_group_tests(tests, fill_long_text, NULL);
}
