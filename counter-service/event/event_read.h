/* Reads an event from the value of a Kafka message, as event_message.h writes it. Fields that are not known are passed
 * over, as long as they are no arrays and no objects of JSON. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_EVENT_EVENT_READ_H
#define TALLY_COUNTER_SERVICE_EVENT_EVENT_READ_H

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/contract/limits.h"
#include "counter-service/event/event.h"
#include "counter-service/event/event_id.h"

/* An event with memory of its own, which its texts point into: it stays where it was read. */
struct event_copy {
    struct event event;
    char store[EVENT_ID_STORE_LEN + 1]; /* the first digits of its store's id */
    char resource_id[RESOURCE_ID_LEN_MAX];
    char counter_type[COUNTER_TYPE_LEN_MAX];
    char user_id[USER_ID_LEN_MAX];
};

/* The format that the header content-type names. Returns 0, or -1 if it is none of an event's. */
int event_read_format(struct text content_type, enum event_format *ret_format) MUST_CHECK;
/* Returns 0, or -1 if value is no event: another text, a field missing, twice there or against the rules of
 * common/contract/counter_rules.h. Then *ret_copy has any content. */
int event_read(enum event_format format, struct text value, struct event_copy *ret_copy) MUST_CHECK;

#endif
