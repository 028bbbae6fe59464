#include "counter-service/commands/read_command.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/decimal.h"
#include "common/contract/limits.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/resp.h"

/* A sentence below says this number. */
_Static_assert(COUNTER_TYPES_MAX == 1000, "change the sentence too");

static const char not_understood[] = "Redis's answer to a read was not understood";

int read_command_append_get(struct buffer *out, const struct redis_key_prefix *prefix, const struct store_item *item)
{
    const size_t start = out->len;
    resp_put_array(out, 3);
    resp_put_string(out, TEXT("HGET"));
    redis_key_put_counters(out, prefix, item->resource_id);
    resp_put_string(out, item->counter_type);
    return resp_end(out, start);
}

void read_command_get_reply(const struct redis_reply *reply, struct store_item *item)
{
    item->value = 0;
    switch (reply->type) {
    case REDIS_NIL:
        return;
    case REDIS_TEXT:
        if (!decimal_parse(reply->text, &item->value)) {
            item->status = STATUS_DATA_DAMAGED;
            item->detail = redis_not_a_counter;
        }
        return;
    case REDIS_ERROR: {
        const struct redis_refusal refusal = redis_error_of_read(reply->text);
        item->status = refusal.status;
        item->detail = refusal.detail;
        return;
    }
    default:
        item->status = STATUS_REDIS_DOWN;
        item->detail = not_understood;
        return;
    }
}

/* HRANDFIELD with a count returns each field once, and all of them if the count is large enough: HGETALL with a bound.
 * Tally keeps a resource to COUNTER_TYPES_MAX fields, but a key that something else wrote may have millions. */
int read_command_append_list(struct buffer *out, const struct redis_key_prefix *prefix, const struct store_call *call)
{
    assert(call->item_count == 1);
    const size_t start = out->len;
    resp_put_array(out, 4);
    resp_put_string(out, TEXT("HRANDFIELD"));
    redis_key_put_counters(out, prefix, call->items[0].resource_id);
    resp_put_integer(out, COUNTER_TYPES_MAX + 1);
    resp_put_string(out, TEXT("WITHVALUES"));
    return resp_end(out, start);
}

static int by_counter_type(const void *left, const void *right)
{
    const struct text a = ((const struct store_listed *)left)->counter_type;
    const struct text b = ((const struct store_listed *)right)->counter_type;
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Names at the even places of the answer, values at the odd ones. */
static enum status fill_list(const struct redis_reply *reply, struct store_call *call)
{
    size_t name_bytes = 0;
    for (size_t i = 0; i + 1 < reply->element_count; i += 2) {
        name_bytes += redis_reply_element(reply, i).text.len;
    }
    /* Reserved at once: the names must not move while others are appended. */
    if (buffer_reserve(&call->list_memory, name_bytes) != 0) {
        return STATUS_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i + 1 < reply->element_count; i += 2) {
        struct store_listed *listed = &call->listed[call->listed_count];
        const struct text name = redis_reply_element(reply, i).text;
        if (!decimal_parse(redis_reply_element(reply, i + 1).text, &listed->value)) {
            return STATUS_DATA_DAMAGED;
        }
        listed->counter_type = (struct text){call->list_memory.data + call->list_memory.len, name.len};
        buffer_append_text(&call->list_memory, name);
        call->listed_count++;
    }
    qsort(call->listed, call->listed_count, sizeof(*call->listed), by_counter_type);
    return STATUS_OK;
}

static void read_list(const struct redis_reply *reply, struct store_call *call)
{
    const size_t count = reply->element_count / 2;
    if (count == 0) {
        return;
    }
    if (count > COUNTER_TYPES_MAX) {
        call->status = STATUS_DATA_DAMAGED;
        call->detail = "the resource has more than 1000 counter types";
        return;
    }
    call->listed = malloc(count * sizeof(*call->listed));
    call->status = call->listed != NULL ? fill_list(reply, call) : STATUS_OUT_OF_MEMORY;
    if (call->status != STATUS_OK) {
        call->detail = call->status == STATUS_OUT_OF_MEMORY ? "The service is out of memory" : redis_not_a_counter;
        call->listed_count = 0;
    }
}

void read_command_list_reply(const struct redis_reply *reply, struct store_call *call)
{
    if (reply->type == REDIS_ARRAY) {
        read_list(reply, call);
    } else if (reply->type == REDIS_ERROR) {
        const struct redis_refusal refusal = redis_error_of_read(reply->text);
        call->status = refusal.status;
        call->detail = refusal.detail;
    } else {
        call->status = STATUS_REDIS_DOWN;
        call->detail = not_understood;
    }
}
