#include "counter-service/event/event_id.h"

#include <assert.h>
#include <limits.h>

#include "common/base/decimal.h"

static char *put_part(char *at, uint64_t value)
{
    *at++ = '-';
    return decimal_put_unsigned(at, value);
}

struct event_id event_id_of(const char *store_id, const struct event *event)
{
    struct event_id id;
    memcpy(id.text, store_id, EVENT_ID_STORE_LEN);
    char *at = id.text + EVENT_ID_STORE_LEN;
    at = put_part(at, event->partition);
    at = put_part(at, event->entry.ms);
    at = put_part(at, event->entry.seq);
    at = put_part(at, event->place);
    *at = '\0';
    id.len = (size_t)(at - id.text);
    assert(id.len < EVENT_ID_SIZE);
    return id;
}

static bool is_store(struct text digits)
{
    for (size_t i = 0; i < digits.len; i++) {
        const char c = digits.data[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return true;
}

/* Takes the hyphen at the start of rest and the number up to the next one, or to the end. */
static bool take_part(struct text *rest, uint64_t max, uint64_t *ret_value)
{
    if (rest->len == 0 || rest->data[0] != '-') {
        return false;
    }
    size_t end = 1;
    while (end < rest->len && rest->data[end] != '-') {
        end++;
    }
    const struct text digits = {rest->data + 1, end - 1};
    rest->data += end;
    rest->len -= end;
    return decimal_parse_unsigned(digits, max, ret_value);
}

int event_id_parse(struct text text, char ret_store[EVENT_ID_STORE_LEN + 1], struct event *ret_event)
{
    if (text.len < EVENT_ID_STORE_LEN || !is_store((struct text){text.data, EVENT_ID_STORE_LEN})) {
        return -1;
    }
    struct text rest = {text.data + EVENT_ID_STORE_LEN, text.len - EVENT_ID_STORE_LEN};
    uint64_t partition, ms, seq, place;
    if (!take_part(&rest, UINT_MAX, &partition) || !take_part(&rest, UINT64_MAX, &ms) ||
        !take_part(&rest, UINT64_MAX, &seq) || !take_part(&rest, UINT_MAX, &place) || rest.len > 0) {
        return -1;
    }
    memcpy(ret_store, text.data, EVENT_ID_STORE_LEN);
    ret_store[EVENT_ID_STORE_LEN] = '\0';
    *ret_event = (struct event){.partition = (unsigned)partition, .entry = {ms, seq}, .place = (unsigned)place};
    return 0;
}
