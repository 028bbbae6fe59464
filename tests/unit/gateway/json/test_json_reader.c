#include "gateway/json/json_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Exactly as large as the text, so that a sanitizer sees a read past its end. */
static char *copy_of(struct text text)
{
    char *copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.len);
    return copy;
}

/* Reads a document without looking at it; returns how it ended. */
static enum json_error read_whole(struct text document, size_t *ret_at)
{
    char *copy = copy_of(document);
    struct json_reader reader;
    struct json_value value;
    json_reader_init(&reader, copy, document.len);
    const bool complete = json_read_value(&reader, &value) && json_skip(&reader, &value) && json_finish(&reader);
    assert_int_equal(complete, reader.error == JSON_NO_ERROR);
    *ret_at = reader.error_at;
    free(copy);
    return reader.error;
}

static void assert_accepted(struct text document)
{
    size_t at;
    assert_int_equal(read_whole(document, &at), JSON_NO_ERROR);
}

static void assert_refused(struct text document, enum json_error error, size_t at)
{
    size_t error_at;
    assert_int_equal(read_whole(document, &error_at), error);
    assert_int_equal(error_at, at);
}

static void assert_string(struct text document, struct text expected)
{
    char *copy = copy_of(document);
    struct json_reader reader;
    struct json_value value;
    json_reader_init(&reader, copy, document.len);
    assert_true(json_read_value(&reader, &value));
    assert_int_equal(value.type, JSON_STRING);
    assert_int_equal(value.text.len, expected.len);
    assert_memory_equal(value.text.data, expected.data, expected.len);
    assert_true(json_finish(&reader));
    free(copy);
}

static void test_members_and_elements_come_in_their_order(void **state)
{
    (void)state;
    char document[] = " { \"a\" : [ 1 , \"two\" , null ] , \"b\" : { } , \"c\" : true } ";
    struct json_reader reader;
    struct json_value value;
    struct text name;
    json_reader_init(&reader, document, sizeof(document) - 1);
    assert_true(json_read_value(&reader, &value));
    assert_int_equal(value.type, JSON_OBJECT);
    assert_true(json_next_member(&reader, &name));
    assert_true(text_equal(name, TEXT("a")));
    assert_true(json_read_value(&reader, &value));
    assert_int_equal(value.type, JSON_ARRAY);
    assert_true(json_next_element(&reader));
    assert_true(json_read_value(&reader, &value));
    assert_int_equal(value.type, JSON_NUMBER);
    assert_true(text_equal(value.text, TEXT("1")));
    assert_true(json_next_element(&reader));
    assert_true(json_read_value(&reader, &value));
    assert_true(text_equal(value.text, TEXT("two")));
    assert_true(json_next_element(&reader));
    assert_true(json_read_value(&reader, &value));
    assert_int_equal(value.type, JSON_NULL);
    assert_false(json_next_element(&reader));
    assert_true(json_next_member(&reader, &name));
    assert_true(text_equal(name, TEXT("b")));
    assert_true(json_read_value(&reader, &value));
    assert_true(json_skip(&reader, &value));
    assert_true(json_next_member(&reader, &name));
    assert_true(json_read_value(&reader, &value));
    assert_int_equal(value.type, JSON_TRUE);
    assert_false(json_next_member(&reader, &name));
    assert_true(json_finish(&reader));
}

static void test_every_kind_of_document_is_accepted(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "null", "true", "false", "0", "\"\"", "{}", "[]", "[[],{}]", "{\"\":0}", "\t\r\n 1 \t\r\n", "[1,2]",
    };
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        assert_accepted(text_of(documents[i]));
    }
}

static void test_numbers_keep_their_text(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "0", "-0", "10", "1.50", "1e5", "1E+5", "-1e-5", "0.0e00", "123456789012345678901234567890", "1e999999"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char *copy = copy_of(text_of(numbers[i]));
        struct json_reader reader;
        struct json_value value;
        json_reader_init(&reader, copy, strlen(numbers[i]));
        assert_true(json_read_value(&reader, &value));
        assert_int_equal(value.type, JSON_NUMBER);
        assert_true(text_equal(value.text, text_of(numbers[i])));
        assert_true(json_finish(&reader));
        free(copy);
    }
}

static void test_what_is_no_number_is_refused(void **state)
{
    (void)state;
    assert_refused(TEXT("-"), JSON_ERROR_END, 1);
    assert_refused(TEXT("-x"), JSON_ERROR_NUMBER, 1);
    assert_refused(TEXT("1."), JSON_ERROR_END, 2);
    assert_refused(TEXT("1.e5"), JSON_ERROR_NUMBER, 2);
    assert_refused(TEXT("1e"), JSON_ERROR_END, 2);
    assert_refused(TEXT("1e+ "), JSON_ERROR_NUMBER, 3);
    assert_refused(TEXT("01"), JSON_ERROR_TRAILING, 1);
    assert_refused(TEXT("[01]"), JSON_ERROR_SEPARATOR, 2);
    assert_refused(TEXT("-01"), JSON_ERROR_TRAILING, 2);
    assert_refused(TEXT("+1"), JSON_ERROR_VALUE, 0);
    assert_refused(TEXT(".5"), JSON_ERROR_VALUE, 0);
    assert_refused(TEXT("0x10"), JSON_ERROR_TRAILING, 1);
    assert_refused(TEXT("NaN"), JSON_ERROR_VALUE, 0);
    assert_refused(TEXT("Infinity"), JSON_ERROR_VALUE, 0);
}

static void test_escapes_are_decoded(void **state)
{
    (void)state;
    assert_string(TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\/\b\f\n\r\t"));
    assert_string(TEXT("\"a\\u0041\\u00e9\\u20AC\\ud83d\\uDE00z\""), TEXT("aA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"));
    assert_string(TEXT("\"\\u0001\\u007f\""), TEXT("\x01\x7F"));
    assert_string(TEXT("\"\\u07ff\\u0800\\uffff\""), TEXT("\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"));
    assert_string(TEXT("\"plain \\n plain \\t plain\""), TEXT("plain \n plain \t plain"));
}

static void test_utf8_is_kept(void **state)
{
    (void)state;
    assert_string(TEXT("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\""),
                  TEXT("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F"));
}

static void test_invalid_utf8_is_refused(void **state)
{
    (void)state;
    assert_refused(TEXT("\"\x80\""), JSON_ERROR_UTF8, 1);
    assert_refused(TEXT("\"a\xC3\""), JSON_ERROR_UTF8, 1);
    assert_refused(TEXT("\"\xC0\x80\""), JSON_ERROR_UTF8, 1);
    assert_refused(TEXT("\"\xED\xA0\x80\""), JSON_ERROR_UTF8, 1);
    assert_refused(TEXT("\"\xF4\x90\x80\x80\""), JSON_ERROR_UTF8, 1);
    assert_refused(TEXT("\"\xC3\\u00e9\""), JSON_ERROR_UTF8, 1);
    assert_refused(TEXT("\"\\u00e9\xA9\""), JSON_ERROR_UTF8, 1);
    assert_refused(TEXT("{\"\xFF\":1}"), JSON_ERROR_UTF8, 2);
}

static void test_bad_escapes_are_refused(void **state)
{
    (void)state;
    assert_refused(TEXT("\"\\x41\""), JSON_ERROR_ESCAPE, 1);
    assert_refused(TEXT("\"\\U0041\""), JSON_ERROR_ESCAPE, 1);
    assert_refused(TEXT("\"\\u12\""), JSON_ERROR_ESCAPE, 1);
    assert_refused(TEXT("\"\\u00g0\""), JSON_ERROR_ESCAPE, 1);
    assert_refused(TEXT("\"\\u+041\""), JSON_ERROR_ESCAPE, 1);
    assert_refused(TEXT("\"\\"), JSON_ERROR_END, 2);
}

static void assert_flawed(struct text document, enum json_flaw flaw, const char *text)
{
    char data[64];
    struct json_reader reader;
    struct json_value value;
    memcpy(data, document.data, document.len);
    json_reader_init(&reader, data, document.len);
    assert_true(json_read_value(&reader, &value));
    assert_true(json_finish(&reader));
    assert_int_equal(value.flaw, flaw);
    assert_int_equal(value.text.len, strlen(text));
    assert_memory_equal(value.text.data, text, value.text.len);
}

static void test_what_a_string_cannot_be_is_a_flaw_and_no_end_of_reading(void **state)
{
    (void)state;
    assert_flawed(TEXT("\"a\\u0000b\""), JSON_FLAW_NUL,
                  "a\xEF\xBF\xBD"
                  "b");
    assert_flawed(TEXT("\"\\u0000\\ud800\""), JSON_FLAW_NUL, "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_flawed(TEXT("\"\\ud800\""), JSON_FLAW_SURROGATE, "\xEF\xBF\xBD");
    assert_flawed(TEXT("\"\\udc00\\ud800\""), JSON_FLAW_SURROGATE, "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_flawed(TEXT("\"\\ud800\\u0041\""), JSON_FLAW_SURROGATE,
                  "\xEF\xBF\xBD"
                  "A");
    assert_flawed(TEXT("\"\\ud800\\n0041\""), JSON_FLAW_SURROGATE, "\xEF\xBF\xBD\n0041");
    assert_flawed(TEXT("\"\\ud800\\ud83d\\ude00\""), JSON_FLAW_SURROGATE, "\xEF\xBF\xBD\xF0\x9F\x98\x80");
    assert_flawed(TEXT("\"\\ufffd\""), JSON_NO_FLAW, "\xEF\xBF\xBD");
    assert_refused(TEXT("\"\\ud800\\u00"), JSON_ERROR_ESCAPE, 7);
    assert_refused(TEXT("\"\\ud800\\u00zz\""), JSON_ERROR_ESCAPE, 7);
}

static void test_a_byte_order_mark_is_skipped_once_and_at_the_start(void **state)
{
    (void)state;
    assert_flawed(TEXT("\xEF\xBB\xBF\"a\""), JSON_NO_FLAW, "a");
    assert_refused(TEXT("\xEF\xBB\xBF"), JSON_ERROR_END, 3);
    assert_refused(TEXT("\xEF\xBB\xBF\xEF\xBB\xBF{}"), JSON_ERROR_VALUE, 3);
    assert_refused(TEXT(" \xEF\xBB\xBF{}"), JSON_ERROR_VALUE, 1);
    assert_refused(TEXT("\xEF\xBB"), JSON_ERROR_VALUE, 0);
}

static void test_control_characters_in_strings_are_refused(void **state)
{
    (void)state;
    assert_refused(TEXT("\"a\nb\""), JSON_ERROR_CONTROL, 2);
    assert_refused(TEXT("\"\\n\tb\""), JSON_ERROR_CONTROL, 3);
    assert_refused(TEXT("\"a\0b\""), JSON_ERROR_CONTROL, 2);
    assert_refused(TEXT("{\"a\x1F\":1}"), JSON_ERROR_CONTROL, 3);
}

static void test_nul_bytes_are_refused_everywhere(void **state)
{
    (void)state;
    assert_refused(TEXT("\0"), JSON_ERROR_VALUE, 0);
    assert_refused(TEXT("{}\0"), JSON_ERROR_TRAILING, 2);
    assert_refused(TEXT("[1\0]"), JSON_ERROR_SEPARATOR, 2);
    assert_refused(TEXT("{\0}"), JSON_ERROR_NAME, 1);
}

static void test_commas_and_colons_stand_where_they_must(void **state)
{
    (void)state;
    assert_refused(TEXT("[1,]"), JSON_ERROR_VALUE, 3);
    assert_refused(TEXT("[,1]"), JSON_ERROR_VALUE, 1);
    assert_refused(TEXT("[1,,2]"), JSON_ERROR_VALUE, 3);
    assert_refused(TEXT("[1 2]"), JSON_ERROR_SEPARATOR, 3);
    assert_refused(TEXT("[1}"), JSON_ERROR_SEPARATOR, 2);
    assert_refused(TEXT("[}"), JSON_ERROR_VALUE, 1);
    assert_refused(TEXT("{]"), JSON_ERROR_NAME, 1);
    assert_refused(TEXT("{,}"), JSON_ERROR_NAME, 1);
    assert_refused(TEXT("{\"a\":1,}"), JSON_ERROR_NAME, 7);
    assert_refused(TEXT("{\"a\":1 \"b\":2}"), JSON_ERROR_SEPARATOR, 7);
    assert_refused(TEXT("{\"a\" 1}"), JSON_ERROR_COLON, 5);
    assert_refused(TEXT("{\"a\":}"), JSON_ERROR_VALUE, 5);
    assert_refused(TEXT("{a:1}"), JSON_ERROR_NAME, 1);
    assert_refused(TEXT("{1:1}"), JSON_ERROR_NAME, 1);
    assert_refused(TEXT("{'a':1}"), JSON_ERROR_NAME, 1);
}

static void test_trailing_bytes_are_refused(void **state)
{
    (void)state;
    assert_refused(TEXT("{} {}"), JSON_ERROR_TRAILING, 3);
    assert_refused(TEXT("null x"), JSON_ERROR_TRAILING, 5);
    assert_refused(TEXT("nullnull"), JSON_ERROR_TRAILING, 4);
    assert_refused(TEXT("1 /* one */"), JSON_ERROR_TRAILING, 2);
}

static void test_literals_are_matched_whole(void **state)
{
    (void)state;
    assert_refused(TEXT("nul"), JSON_ERROR_VALUE, 0);
    assert_refused(TEXT("True"), JSON_ERROR_VALUE, 0);
    assert_refused(TEXT("falsy"), JSON_ERROR_VALUE, 0);
}

static void test_every_prefix_of_a_document_is_refused(void **state)
{
    (void)state;
    static const char document[] = "{\"a\":[1.5e3,true,\"x\\u00e9\xC3\xA9\",{\"b\":null}]}";
    for (size_t len = 0; len < sizeof(document) - 1; len++) {
        size_t at;
        assert_int_not_equal(read_whole((struct text){document, len}, &at), JSON_NO_ERROR);
        assert_true(at <= len);
    }
    assert_accepted(TEXT(document));
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    char document[2 * JSON_DEPTH_MAX + 2];
    memset(document, '[', JSON_DEPTH_MAX);
    memset(document + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_accepted((struct text){document, 2 * JSON_DEPTH_MAX});
    memset(document, '[', JSON_DEPTH_MAX + 1);
    memset(document + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_refused((struct text){document, sizeof(document)}, JSON_ERROR_DEPTH, JSON_DEPTH_MAX);
}

static void test_after_an_error_everything_says_no(void **state)
{
    (void)state;
    char document[] = "[1 2, 3]";
    struct json_reader reader;
    struct json_value value;
    struct text name;
    json_reader_init(&reader, document, sizeof(document) - 1);
    assert_true(json_read_value(&reader, &value));
    assert_true(json_next_element(&reader));
    assert_true(json_read_value(&reader, &value));
    assert_false(json_next_element(&reader));
    assert_false(json_next_element(&reader));
    assert_false(json_next_member(&reader, &name));
    assert_false(json_read_value(&reader, &value));
    assert_false(json_finish(&reader));
    assert_int_equal(reader.error, JSON_ERROR_SEPARATOR);
    assert_int_equal(reader.error_at, 3);
}

static void test_an_empty_document_is_refused(void **state)
{
    (void)state;
    struct json_reader reader;
    struct json_value value;
    json_reader_init(&reader, NULL, 0);
    assert_false(json_read_value(&reader, &value));
    assert_int_equal(reader.error, JSON_ERROR_END);
    assert_refused(TEXT(" \n"), JSON_ERROR_END, 2);
}

static void test_every_error_has_a_sentence(void **state)
{
    (void)state;
    for (enum json_error error = JSON_NO_ERROR; error <= JSON_ERROR_TRAILING; error++) {
        assert_non_null(json_error_sentence(error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_and_elements_come_in_their_order),
        cmocka_unit_test(test_every_kind_of_document_is_accepted),
        cmocka_unit_test(test_numbers_keep_their_text),
        cmocka_unit_test(test_what_is_no_number_is_refused),
        cmocka_unit_test(test_escapes_are_decoded),
        cmocka_unit_test(test_utf8_is_kept),
        cmocka_unit_test(test_invalid_utf8_is_refused),
        cmocka_unit_test(test_bad_escapes_are_refused),
        cmocka_unit_test(test_what_a_string_cannot_be_is_a_flaw_and_no_end_of_reading),
        cmocka_unit_test(test_a_byte_order_mark_is_skipped_once_and_at_the_start),
        cmocka_unit_test(test_control_characters_in_strings_are_refused),
        cmocka_unit_test(test_nul_bytes_are_refused_everywhere),
        cmocka_unit_test(test_commas_and_colons_stand_where_they_must),
        cmocka_unit_test(test_trailing_bytes_are_refused),
        cmocka_unit_test(test_literals_are_matched_whole),
        cmocka_unit_test(test_every_prefix_of_a_document_is_refused),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_after_an_error_everything_says_no),
        cmocka_unit_test(test_an_empty_document_is_refused),
        cmocka_unit_test(test_every_error_has_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
