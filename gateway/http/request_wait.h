/* A request that waits: unread, for its place (admission_line); for the batcher's results (counter_handlers); for a
 * call of its own (lone_call); for a writer of the desk (operator_handlers). The module named gives a
 * request_wait_kind: what to do if the wait ends otherwise.
 *
 *     request_wait_begin ─┬─> what it waits for: request_wait_end ─> reply_*
 *                         ├─> its client is gone: kind->abandon ─> request_state_release
 *                         └─> the gateway ends: kind->abort ─> reply_*
 * Loop thread only. */
#ifndef TALLY_GATEWAY_HTTP_REQUEST_WAIT_H
#define TALLY_GATEWAY_HTTP_REQUEST_WAIT_H

#include "common/base/list.h"

struct request_state;

/* What a request waits for. Static. */
struct request_wait_kind {
    /* Ends the wait and releases the request; or both later, once what works for the request is done. */
    void (*abandon)(struct request_state *state);
    /* Ends the wait and answers. NULL for requests in no list: whoever works for them answers them. */
    void (*abort)(struct request_state *state);
};

/* Of one request. */
struct request_wait {
    const struct request_wait_kind *kind; /* NULL: it does not wait */
    struct list *list;                    /* that holds this request and others that wait for the same; NULL: none */
    struct list_node node;
};

/* list: where the request is appended; NULL for none. */
void request_wait_begin(struct request_state *state, const struct request_wait_kind *kind, struct list *list);
void request_wait_end(struct request_state *state);

/* The client of a request that waits is gone. */
void request_wait_abandon(struct request_state *state);
/* The first of those that wait in the list; NULL if there is none. */
struct request_state *request_wait_first(const struct list *list);
/* The gateway ends: none is left in the list afterwards. */
void request_wait_abort_all(struct list *list);

#endif
