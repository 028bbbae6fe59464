/* Calls of a worker that its Redis has not run, since their partition is elsewhere or on its way: which go there at
 * once, and which wait a moment and are put again. Owned by the worker's thread. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_LATER_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_LATER_H

#include <stddef.h>
#include <stdint.h>

#include "counter-service/store/store_owner.h"

struct store_later {
    const struct store_owner *owner;   /* outlives it */
    const struct redis_address *asked; /* whom the worker asks: it may be the host that a Redis leaves out */
    size_t max;                        /* items */
    struct store_call *first;
    struct store_call **last;
    size_t length;   /* items */
    int64_t next_us; /* monotonic: when those that wait are put again; INT64_MAX: none waits */
};

void store_later_init(struct store_later *later, const struct store_owner *owner, const struct redis_address *asked,
                      size_t max);
/* Sends the call where it belongs, has it wait, or ends it: STATUS_REDIS_DOWN, since it was not run. */
void store_later_take(struct store_later *later, struct store_call *call, const struct redis_redirect *redirect);
/* The same for a call that the worker has not sent, since its partition is another node's now. */
void store_later_send_on(struct store_later *later, struct store_call *call);
/* Puts those that wait again. may_wait: false ends those that nobody takes now. */
void store_later_put_again(struct store_later *later, bool may_wait);

#endif
