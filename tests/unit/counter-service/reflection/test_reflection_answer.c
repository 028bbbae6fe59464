#include "counter-service/reflection/reflection_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/contract/grpc_message.h"
#include "counter-service/reflection/descriptor_set.h"
#include "grpc/reflection/v1/reflection.pb-c.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;

static struct arena arena;
static struct proto_index *proto_files;

static int start(void **state)
{
    (void)state;
    arena_init(&arena);
    proto_files = proto_index_create((struct text){(const char *)descriptor_set, descriptor_set_len}, NULL);
    return proto_files == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    proto_index_free(proto_files);
    arena_done(&arena);
    return 0;
}

static const Response *ask(const Request *request)
{
    grpc_byte_buffer *payload = grpc_message_pack(&request->base);
    grpc_byte_buffer *answer = reflection_answer(proto_files, payload, &arena);
    grpc_byte_buffer_destroy(payload);
    assert_non_null(answer);
    const Response *response = (const Response *)grpc_message_unpack(
        &grpc__reflection__v1__server_reflection_response__descriptor, answer, &arena);
    grpc_byte_buffer_destroy(answer);
    assert_non_null(response);
    return response;
}

static Request symbol_request(const char *symbol)
{
    Request request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    request.file_containing_symbol = (char *)(uintptr_t)symbol;
    return request;
}

static void test_services_are_listed_with_the_request_in_the_answer(void **state)
{
    (void)state;
    Request request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    request.host = (char *)(uintptr_t) "example";
    request.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    request.list_services = (char *)(uintptr_t) "*";
    const Response *response = ask(&request);
    assert_string_equal(response->valid_host, "example");
    assert_string_equal(response->original_request->list_services, "*");
    assert_int_equal(response->message_response_case,
                     GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE);
    assert_int_equal(response->list_services_response->n_service, 4);
}

static void test_a_symbol_is_answered_with_its_file(void **state)
{
    (void)state;
    const Request request = symbol_request("tally.v1.CounterService");
    const Response *response = ask(&request);
    assert_int_equal(response->message_response_case,
                     GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
    assert_int_equal(response->file_descriptor_response->n_file_descriptor_proto, 1);
    struct text file;
    assert_true(proto_index_find_file(proto_files, TEXT("tally/v1/counter.proto"), &file));
    const ProtobufCBinaryData *got = &response->file_descriptor_response->file_descriptor_proto[0];
    assert_true(text_equal((struct text){(const char *)got->data, got->len}, file));
}

static void assert_error(const Request *request, int code)
{
    const Response *response = ask(request);
    assert_int_equal(response->message_response_case,
                     GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE);
    assert_int_equal(response->error_response->error_code, code);
    assert_true(response->error_response->error_message[0] != '\0');
}

static void test_what_is_not_there_is_an_error_in_the_answer(void **state)
{
    (void)state;
    Request request = symbol_request("tally.v1.Nothing");
    assert_error(&request, 5);
    request.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
    assert_error(&request, 5);
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE;
    assert_error(&request, 5);
    Grpc__Reflection__V1__ExtensionRequest extension = GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION;
    request.file_containing_extension = &extension;
    assert_error(&request, 5);
    request.message_request_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST__NOT_SET;
    assert_error(&request, 3);
}

static void test_garbage_is_not_answered(void **state)
{
    (void)state;
    grpc_slice garbage = grpc_slice_from_static_string("\xff\xff");
    grpc_byte_buffer *payload = grpc_raw_byte_buffer_create(&garbage, 1);
    assert_null(reflection_answer(proto_files, payload, &arena));
    grpc_byte_buffer_destroy(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_services_are_listed_with_the_request_in_the_answer, start, end),
        cmocka_unit_test_setup_teardown(test_a_symbol_is_answered_with_its_file, start, end),
        cmocka_unit_test_setup_teardown(test_what_is_not_there_is_an_error_in_the_answer, start, end),
        cmocka_unit_test_setup_teardown(test_garbage_is_not_answered, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
