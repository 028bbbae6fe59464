/* The value of a Kafka message. The first byte chooses the format. An event that is read is written and read again: it
 * stays the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/event/event_message.h"
#include "counter-service/event/event_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct event *found, const struct event *expected)
{
    assert(found->partition == expected->partition && found->place == expected->place);
    assert(stream_id_compare(found->entry, expected->entry) == 0);
    assert(text_equal(found->resource_id, expected->resource_id));
    assert(text_equal(found->counter_type, expected->counter_type));
    assert(text_equal(found->user_id, expected->user_id));
    assert(found->delta == expected->delta && found->has_value == expected->has_value);
    assert(!found->has_value || found->value == expected->value);
}

static void check_written_again(const struct event_copy *copy, enum event_format format)
{
    char store_id[STORE_ID_SIZE];
    struct event_writer writer;
    struct buffer out;
    struct event_copy again;
    memset(store_id, '0', STORE_ID_LEN);
    memcpy(store_id, copy->store, EVENT_ID_STORE_LEN);
    store_id[STORE_ID_LEN] = '\0';
    event_writer_init(&writer, format, store_id);
    buffer_init(&out);
    event_writer_put(&writer, &copy->event, &out);
    assert(event_read(format, (struct text){out.data, out.len}, &again) == 0);
    assert(strcmp(again.store, copy->store) == 0);
    check_same(&again.event, &copy->event);
    buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event_copy copy;
    if (size == 0) {
        return 0;
    }
    const enum event_format format = data[0] % 2 == 0 ? EVENT_FORMAT_PROTOBUF : EVENT_FORMAT_JSON;
    /* Memory of exactly this size: a read behind it is seen. */
    char *value = malloc(size);
    assert(value != NULL);
    memcpy(value, data + 1, size - 1);
    char *exact = realloc(value, size > 1 ? size - 1 : 1);
    assert(exact != NULL);
    if (event_read(format, (struct text){exact, size - 1}, &copy) == 0) {
        check_written_again(&copy, EVENT_FORMAT_JSON);
        check_written_again(&copy, EVENT_FORMAT_PROTOBUF);
    }
    free(exact);
    return 0;
}
