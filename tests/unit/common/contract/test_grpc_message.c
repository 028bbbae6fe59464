#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <grpc/slice.h>
#include <stdlib.h>
#include <string.h>

#include "common/contract/grpc_message.h"
#include "common/contract/limits.h"
#include "tally/v1/counter.pb-c.h"

static ProtobufCBinaryData bytes_of(const char *text)
{
    return grpc_message_bytes(text_of(text));
}

static Tally__V1__IncrementRequest example(void)
{
    Tally__V1__IncrementRequest request = TALLY__V1__INCREMENT_REQUEST__INIT;
    request.resource_id = bytes_of("post-17");
    request.counter_type = bytes_of("like");
    request.delta = -3;
    return request;
}

static void assert_is_example(const ProtobufCMessage *message)
{
    assert_non_null(message);
    const Tally__V1__IncrementRequest *request = (const Tally__V1__IncrementRequest *)message;
    assert_int_equal(request->resource_id.len, 7);
    assert_memory_equal(request->resource_id.data, "post-17", 7);
    assert_memory_equal(request->counter_type.data, "like", 4);
    assert_int_equal(request->delta, -3);
    assert_int_equal(request->user_id.len, 0);
}

static void test_a_packed_message_comes_back_as_it_was(void **state)
{
    struct arena *arena = *state;
    const Tally__V1__IncrementRequest request = example();
    grpc_byte_buffer *buffer = grpc_message_pack(&request.base);
    assert_non_null(buffer);
    assert_is_example(grpc_message_unpack(&tally__v1__increment_request__descriptor, buffer, arena));
    grpc_byte_buffer_destroy(buffer);
}

static void test_the_texts_outlive_the_buffer(void **state)
{
    struct arena *arena = *state;
    const Tally__V1__IncrementRequest request = example();
    grpc_byte_buffer *buffer = grpc_message_pack(&request.base);
    ProtobufCMessage *message = grpc_message_unpack(&tally__v1__increment_request__descriptor, buffer, arena);
    grpc_byte_buffer_destroy(buffer);
    assert_is_example(message);
}

static void test_a_message_in_many_slices_is_read_whole(void **state)
{
    struct arena *arena = *state;
    const Tally__V1__IncrementRequest request = example();
    uint8_t packed[64];
    const size_t len = protobuf_c_message_pack(&request.base, packed);
    grpc_slice slices[64];
    for (size_t i = 0; i < len; i++) {
        slices[i] = grpc_slice_from_copied_buffer((const char *)packed + i, 1);
    }
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(slices, len);
    assert_is_example(grpc_message_unpack(&tally__v1__increment_request__descriptor, buffer, arena));
    grpc_byte_buffer_destroy(buffer);
}

static void test_an_empty_buffer_is_a_message_of_defaults(void **state)
{
    struct arena *arena = *state;
    const Tally__V1__IncrementRequest request = TALLY__V1__INCREMENT_REQUEST__INIT;
    grpc_byte_buffer *buffer = grpc_message_pack(&request.base);
    assert_int_equal(grpc_byte_buffer_length(buffer), 0);
    const ProtobufCMessage *message = grpc_message_unpack(&tally__v1__increment_request__descriptor, buffer, arena);
    assert_non_null(message);
    assert_int_equal(((const Tally__V1__IncrementRequest *)message)->delta, 0);
    grpc_byte_buffer_destroy(buffer);

    grpc_byte_buffer *no_slices = grpc_raw_byte_buffer_create(NULL, 0);
    assert_non_null(grpc_message_unpack(&tally__v1__increment_request__descriptor, no_slices, arena));
    grpc_byte_buffer_destroy(no_slices);
}

static ProtobufCMessage *unpack_bytes(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t len,
                                      struct arena *arena)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(data, len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    ProtobufCMessage *message = grpc_message_unpack(descriptor, buffer, arena);
    grpc_byte_buffer_destroy(buffer);
    return message;
}

static void test_a_nul_inside_a_text_stays_visible(void **state)
{
    const ProtobufCMessage *message = unpack_bytes(&tally__v1__increment_request__descriptor,
                                                   "\x0a\x03"
                                                   "a\0b",
                                                   5, *state);
    assert_non_null(message);
    const Tally__V1__IncrementRequest *request = (const Tally__V1__IncrementRequest *)message;
    assert_int_equal(request->resource_id.len, 3);
    assert_memory_equal(request->resource_id.data, "a\0b", 3);
}

static void test_a_cut_message_is_refused(void **state)
{
    assert_null(unpack_bytes(&tally__v1__increment_request__descriptor, "\x0a\x07post", 6, *state));
    assert_null(unpack_bytes(&tally__v1__increment_request__descriptor, "\xff", 1, *state));
}

/* As many items as the rules allow, with every field at its bound. */
static void test_the_largest_honest_batch_fits(void **state)
{
    static char text[RESOURCE_ID_LEN_MAX + 1];
    memset(text, 'x', RESOURCE_ID_LEN_MAX);
    static Tally__V1__IncrementRequest items[BATCH_ITEMS_MAX];
    static Tally__V1__IncrementRequest *pointers[BATCH_ITEMS_MAX];
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        tally__v1__increment_request__init(&items[i]);
        items[i].resource_id = bytes_of(text);
        items[i].counter_type = bytes_of(text + RESOURCE_ID_LEN_MAX - COUNTER_TYPE_LEN_MAX);
        items[i].user_id = bytes_of(text + RESOURCE_ID_LEN_MAX - USER_ID_LEN_MAX);
        items[i].idempotency_key = bytes_of(text + RESOURCE_ID_LEN_MAX - IDEMPOTENCY_KEY_LEN_MAX);
        items[i].delta = INT64_MIN;
        pointers[i] = &items[i];
    }
    Tally__V1__BatchIncrementRequest batch = TALLY__V1__BATCH_INCREMENT_REQUEST__INIT;
    batch.items = pointers;
    batch.n_items = BATCH_ITEMS_MAX;
    grpc_byte_buffer *buffer = grpc_message_pack(&batch.base);
    assert_true(grpc_byte_buffer_length(buffer) < GRPC_MESSAGE_BYTES_MAX);
    assert_non_null(grpc_message_unpack(&tally__v1__batch_increment_request__descriptor, buffer, *state));
    grpc_byte_buffer_destroy(buffer);
}

static void test_a_message_of_a_million_empty_items_is_refused(void **state)
{
    const size_t len = GRPC_MESSAGE_BYTES_MAX;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i += 2) {
        memcpy(bytes + i, "\x12\x00", 2); /* items: an empty message */
    }
    assert_null(unpack_bytes(&tally__v1__batch_increment_request__descriptor, bytes, len, *state));
    for (size_t i = 0; i < len; i += 2) {
        memcpy(bytes + i, "\x50\x00", 2); /* an unknown field */
    }
    assert_null(unpack_bytes(&tally__v1__increment_request__descriptor, bytes, len, *state));
    free(bytes);
}

static int make_arena(void **state)
{
    static struct arena arena;
    arena_init(&arena);
    *state = &arena;
    return 0;
}

static int drop_arena(void **state)
{
    arena_done(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_packed_message_comes_back_as_it_was, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_the_texts_outlive_the_buffer, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_a_message_in_many_slices_is_read_whole, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_an_empty_buffer_is_a_message_of_defaults, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_a_nul_inside_a_text_stays_visible, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_a_cut_message_is_refused, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_the_largest_honest_batch_fits, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(test_a_message_of_a_million_empty_items_is_refused, make_arena, drop_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
