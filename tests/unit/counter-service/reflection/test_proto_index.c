#include "counter-service/reflection/proto_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "counter-service/reflection/descriptor_set.h"
#include "counter-service/reflection/proto_wire.h"

static struct text own_set(void)
{
    return (struct text){(const char *)descriptor_set, descriptor_set_len};
}

static int create(void **state)
{
    struct error error;
    *state = proto_index_create(own_set(), &error);
    return *state == NULL ? -1 : 0;
}

static int drop(void **state)
{
    proto_index_free(*state);
    return 0;
}

/* The name that a serialized file says it has. */
static struct text name_of(struct text file)
{
    struct proto_field field;
    while (proto_next_field(&file, &field) > 0) {
        if (field.number == 1) {
            return field.bytes;
        }
    }
    return TEXT("");
}

static void test_files_are_found_by_name(void **state)
{
    static const char *const names[] = {
        "tally/v1/counter.proto",
        "grpc/health/v1/health.proto",
        "grpc/reflection/v1/reflection.proto",
        "grpc/reflection/v1alpha/reflection.proto",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct text file;
        assert_true(proto_index_find_file(*state, text_of(names[i]), &file));
        assert_true(text_equal(name_of(file), text_of(names[i])));
    }
    struct text file;
    assert_false(proto_index_find_file(*state, TEXT("counter.proto"), &file));
    assert_false(proto_index_find_file(*state, TEXT(""), &file));
}

static void test_every_kind_of_symbol_leads_to_its_file(void **state)
{
    static const char *const symbols[][2] = {
        {"tally.v1.CounterService", "tally/v1/counter.proto"},
        {"tally.v1.CounterService.BatchIncrement", "tally/v1/counter.proto"},
        {"tally.v1.IncrementRequest", "tally/v1/counter.proto"},
        {"tally.v1.IncrementRequest.idempotency_key", "tally/v1/counter.proto"},
        {"tally.v1.ErrorReason", "tally/v1/counter.proto"},
        {"tally.v1.DATA_DAMAGED", "tally/v1/counter.proto"},
        {"grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"},
        {"grpc.health.v1.HealthCheckResponse.NOT_SERVING", "grpc/health/v1/health.proto"},
        {"grpc.reflection.v1.ServerReflectionRequest.message_request", "grpc/reflection/v1/reflection.proto"},
        {"grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto"},
    };
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        struct text file;
        assert_true(proto_index_find_symbol(*state, text_of(symbols[i][0]), &file));
        assert_true(text_equal(name_of(file), text_of(symbols[i][1])));
    }
}

static void test_what_is_not_defined_is_not_found(void **state)
{
    static const char *const symbols[] = {"",
                                          "tally.v1",
                                          "tally.v1.",
                                          "tally.v1.Increment",
                                          "CounterService",
                                          ".tally.v1.CounterService",
                                          "tally.v1.ErrorReason.DATA_DAMAGED"};
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        struct text file;
        assert_false(proto_index_find_symbol(*state, text_of(symbols[i]), &file));
    }
}

static void test_services_are_listed(void **state)
{
    bool found = false;
    assert_int_equal(proto_index_service_count(*state), 4);
    for (size_t i = 0; i < 4; i++) {
        found |= text_equal(text_of(proto_index_service(*state, i)), TEXT("tally.v1.CounterService"));
    }
    assert_true(found);
}

/* Cut at each byte: memory of exactly that size, so that a sanitizer sees a read past its end. */
static void test_a_cut_set_is_refused_or_smaller_but_never_read_past_its_end(void **state)
{
    (void)state;
    const struct text whole = own_set();
    for (size_t len = 0; len < whole.len; len += 7) {
        char *cut = malloc(len + 1);
        assert_non_null(cut);
        memcpy(cut, whole.data, len);
        proto_index_free(proto_index_create((struct text){cut, len}, NULL));
        free(cut);
    }
}

static void test_a_damaged_set_says_so(void **state)
{
    (void)state;
    struct error error = {""};
    assert_null(proto_index_create(TEXT("\x0a\x05"
                                        "ab"),
                                   &error));
    assert_non_null(strstr(error.message, "descriptors"));
}

static void test_fields_of_every_wire_type_are_passed_over(void **state)
{
    (void)state;
    struct text message = TEXT("\x08\x96\x01"
                               "\x11"
                               "12345678"
                               "\x1a\x02hi"
                               "\x25"
                               "1234"
                               "\x28\x01");
    struct proto_field field;
    for (uint32_t number = 1; number <= 5; number++) {
        assert_int_equal(proto_next_field(&message, &field), 1);
        assert_int_equal(field.number, number);
        assert_int_equal(field.has_bytes, number == 3);
    }
    assert_int_equal(proto_next_field(&message, &field), 0);
}

static void test_malformed_fields_are_refused(void **state)
{
    (void)state;
    static const struct text messages[] = {
        {"\x00\x01", 2}, /* field number 0 */
        {"\x08", 1},     /* no value */
        {"\x08\xff", 2}, /* a varint without end */
        {"\x0b", 1},     /* a group */
        {"\x0a\x03"
         "ab",
         4}, /* shorter than it says */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
        {"\x09"
         "1234567",
         8},
        {"\x0d"
         "123",
         4},
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct text message = messages[i];
        struct proto_field field;
        assert_int_equal(proto_next_field(&message, &field), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files_are_found_by_name, create, drop),
        cmocka_unit_test_setup_teardown(test_every_kind_of_symbol_leads_to_its_file, create, drop),
        cmocka_unit_test_setup_teardown(test_what_is_not_defined_is_not_found, create, drop),
        cmocka_unit_test_setup_teardown(test_services_are_listed, create, drop),
        cmocka_unit_test(test_a_cut_set_is_refused_or_smaller_but_never_read_past_its_end),
        cmocka_unit_test(test_a_damaged_set_says_so),
        cmocka_unit_test(test_fields_of_every_wire_type_are_passed_over),
        cmocka_unit_test(test_malformed_fields_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
