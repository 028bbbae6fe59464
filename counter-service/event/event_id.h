/* The id of an event, the same whenever and by whomever it is told:
 *
 *     9f86d081-0-1764336793123-4-17      8 first digits of the store id, partition, ms and seq of the entry, place
 *
 * Two ids of one store and partition compare as their entries and places do. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_EVENT_EVENT_ID_H
#define TALLY_COUNTER_SERVICE_EVENT_EVENT_ID_H

#include "common/base/compiler.h"
#include "common/contract/store_id.h"
#include "counter-service/event/event.h"

enum {
    EVENT_ID_STORE_LEN = 8,
    EVENT_ID_SIZE = EVENT_ID_STORE_LEN + 1 + 10 + 1 + 20 + 1 + 20 + 1 + 10 + 1,
};

struct event_id {
    char text[EVENT_ID_SIZE]; /* NUL-terminated */
    size_t len;
};

/* store_id: STORE_ID_LEN digits. */
struct event_id event_id_of(const char *store_id, const struct event *event);
/* Reads the store's digits, NUL-terminated, and partition, entry and place; the rest of *ret_event is zero. Returns 0,
 * or -1 if text is no event id. */
int event_id_parse(struct text text, char ret_store[EVENT_ID_STORE_LEN + 1], struct event *ret_event) MUST_CHECK;

#endif
