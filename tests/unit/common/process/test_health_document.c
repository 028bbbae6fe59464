#include "common/process/health_document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static int allocations_left; /* until one fails; those after it succeed again */

static void *allocate(size_t size)
{
    return --allocations_left == 0 ? NULL : malloc(size);
}

static int write_document(struct buffer *out)
{
    struct health_document document;
    health_document_begin(&document);
    health_document_add_component(&document, "redis", HEALTH_DEGRADED);
    health_document_add_detail(&document, "it said \"no\"");
    health_document_add_text_or_null(&document, "store", "");
    health_document_add_time(&document, "since", 1700000000123456);
    health_document_add_list(&document, "instances");
    health_document_add_entry(&document);
    health_document_add_number(&document, "channels", 20);
    health_document_add_entry(&document);
    health_document_add_bool(&document, "serving", true);
    health_document_add_component(&document, "consul", HEALTH_OK);
    health_document_add_detail(&document, "");
    health_document_add_time(&document, "last_success", 0);
    return health_document_end(&document, HEALTH_DEGRADED, out);
}

static void assert_text(const struct buffer *out, const char *text)
{
    assert_false(out->failed);
    assert_int_equal(out->len, strlen(text));
    assert_memory_equal(out->data, text, out->len);
}

static const char expected[] = "{\"status\":\"degraded\",\"components\":{"
                               "\"redis\":{\"status\":\"degraded\",\"detail\":\"it said \\\"no\\\"\",\"store\":null,"
                               "\"since\":\"2023-11-14T22:13:20.123Z\",\"instances\":[{\"channels\":20},"
                               "{\"serving\":true}]},\"consul\":{\"status\":\"ok\",\"last_success\":null}}}";

static void test_fields_stand_in_the_order_they_were_added(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(write_document(&out), 200);
    assert_text(&out, expected);
    buffer_done(&out);
}

static void test_without_components_it_is_a_status(void **state)
{
    (void)state;
    static const struct {
        enum health health;
        int http_status;
        const char *text;
    } cases[] = {
        {HEALTH_OK, 200, "{\"status\":\"ok\"}"},
        {HEALTH_DEGRADED, 200, "{\"status\":\"degraded\"}"},
        {HEALTH_UNAVAILABLE, 503, "{\"status\":\"unavailable\"}"},
        {HEALTH_DRAINING, 503, "{\"status\":\"draining\"}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer out;
        struct health_document document;
        buffer_init(&out);
        health_document_begin(&document);
        assert_int_equal(health_document_end(&document, cases[i].health, &out), cases[i].http_status);
        assert_text(&out, cases[i].text);
        buffer_done(&out);
    }
}

static void test_a_document_that_lacks_something_is_not_told(void **state)
{
    (void)state;
    cJSON_Hooks hooks = {allocate, free};
    cJSON_InitHooks(&hooks);
    int failures = 0;
    for (bool done = false; !done; failures++) {
        struct buffer out;
        buffer_init(&out);
        allocations_left = failures + 1;
        (void)write_document(&out);
        done = allocations_left > 0; /* none has failed */
        if (done) {
            assert_text(&out, expected);
        } else {
            assert_true(out.failed);
            assert_int_equal(out.len, 0);
        }
        buffer_done(&out);
    }
    cJSON_InitHooks(NULL);
    assert_true(failures > 30);
}

static void test_a_detail_that_did_not_fit_into_memory_is_told(void **state)
{
    (void)state;
    struct buffer out;
    struct health_document document;
    buffer_init(&out);
    health_document_begin(&document);
    health_document_add_component(&document, "redis", HEALTH_OK);
    health_document_add_detail(&document, NULL);
    (void)health_document_end(&document, HEALTH_OK, &out);
    assert_true(out.failed);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_stand_in_the_order_they_were_added),
        cmocka_unit_test(test_without_components_it_is_a_status),
        cmocka_unit_test(test_a_document_that_lacks_something_is_not_told),
        cmocka_unit_test(test_a_detail_that_did_not_fit_into_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
