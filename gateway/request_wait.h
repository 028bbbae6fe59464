/* A request that waits: unread, for its place (admission_line); for the batcher's results (counter_handlers); for a
 * call of its own (lone_call). Who lets it wait says what is done if that does not come.
 *
 *     request_wait_begin ─┬─> what it waits for: request_wait_end ─> reply_*
 *                         ├─> its client is gone: kind->abandon ─> request_state_release
 *                         └─> the gateway ends: kind->abort ─> reply_*
 * Loop thread only. */
#ifndef TALLY_GATEWAY_REQUEST_WAIT_H
#define TALLY_GATEWAY_REQUEST_WAIT_H

struct request_state;

/* What a request waits for. Static. */
struct request_wait_kind {
    /* Ends the wait and releases the request; or both later, once what works for the request is done. */
    void (*abandon)(struct request_state *state);
    /* Ends the wait and answers. NULL for those that are in no list: whoever works for them answers them. */
    void (*abort)(struct request_state *state);
};

/* Requests that wait for the same, in their order. Zero-initialised is empty. */
struct request_list {
    struct request_state *first;
    struct request_state *last;
};

/* Of one request. */
struct request_wait {
    const struct request_wait_kind *kind; /* NULL: it does not wait */
    struct request_list *list;            /* that it is in; NULL: none */
    struct request_state *next;
    struct request_state *previous;
};

/* list: the request goes to its end; NULL for none. */
void request_wait_begin(struct request_state *state, const struct request_wait_kind *kind, struct request_list *list);
void request_wait_end(struct request_state *state);

/* The client of a request that waits is gone. */
void request_wait_abandon(struct request_state *state);
/* The gateway ends: none is left in the list afterwards. */
void request_list_abort(struct request_list *list);

#endif
