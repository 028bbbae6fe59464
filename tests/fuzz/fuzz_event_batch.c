/* An entry of the outbox. The first two bytes say how long the items are, least significant first; the rest of the
 * input is the results. An event that is read is one that could have been written. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/contract/limits.h"
#include "counter-service/event/event_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Memory of exactly this size: a read behind it is seen. */
static struct text copied(const uint8_t *data, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    assert(copy != NULL);
    memcpy(copy, data, len);
    return (struct text){copy, len};
}

static void check_written_again(const struct event *event)
{
    const struct event_batch_item item = {event->resource_id, event->counter_type, event->user_id, event->delta};
    struct buffer out;
    buffer_init(&out);
    event_batch_begin(&out);
    event_batch_put(&out, &item);
    struct event_batch_reader reader;
    struct event again;
    const struct text items = {out.data, out.len};
    assert(event_batch_open(&reader, event->partition, event->entry, items, TEXT("U")) == 0);
    assert(event_batch_next(&reader, &again) == 1 && event_batch_next(&reader, &(struct event){0}) == 0);
    assert(text_equal(again.resource_id, event->resource_id) && text_equal(again.counter_type, event->counter_type));
    assert(text_equal(again.user_id, event->user_id) && again.delta == event->delta);
    assert(!again.has_value && again.value == 0);
    buffer_done(&out);
}

static void check_entry(struct text items, struct text results)
{
    struct event_batch_reader reader;
    if (event_batch_open(&reader, 0, (struct stream_id){1, 0}, items, results) != 0) {
        return;
    }
    struct event event = {.place = 0};
    int next;
    for (unsigned least_place = 0; (next = event_batch_next(&reader, &event)) == 1; least_place = event.place + 1) {
        assert(event.place >= least_place && event.place < results.len);
        assert(event.has_value || event.value == 0);
        check_written_again(&event);
    }
    assert(next == 0 || next == -1);
    assert(next == -1 || (reader.items.len == 0 && reader.results.len == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const size_t rest = size - 2;
    const size_t asked = (size_t)data[0] | (size_t)data[1] << 8;
    const size_t items_len = asked < rest ? asked : rest;
    const struct text items = copied(data + 2, items_len);
    const struct text results = copied(data + 2 + items_len, rest - items_len);
    check_entry(items, results);
    free((char *)items.data);
    free((char *)results.data);
    return 0;
}
