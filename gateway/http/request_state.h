/* What the gateway keeps of one HTTP request (http_request.state).
 *
 *   request_state_begin ─> handler ─┬─> reply_* ─> request_state_end
 *                                   └─> waits (request_wait.h) ─┬─> reply_* ─> request_state_end
 *                                                               └─> client gone ─> request_state_release
 * Loop thread only. */
#ifndef TALLY_GATEWAY_HTTP_REQUEST_STATE_H
#define TALLY_GATEWAY_HTTP_REQUEST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/contract/limits.h"
#include "common/http/http_server.h"
#include "gateway/batch/batcher.h"
#include "gateway/batch/operation_list.h"
#include "gateway/http/loop_context.h"
#include "gateway/http/request_id.h"
#include "gateway/http/request_trace.h"
#include "gateway/http/request_wait.h"
#include "gateway/http/router.h"
#include "gateway/rpc/counter_client.h"

struct cache;
struct cache_entry;
struct lone_call_kind;

enum { PERCENT_ENCODED_BYTE = 3 };

/* What an answer tells caches (RFC 9111). */
struct freshness {
    bool is_told;       /* the two below; if not, the answer must not be kept */
    int64_t age_ms;     /* how long ago its data were read */
    int64_t max_age_ms; /* for how long, from then on, it may be given; 0: it must not be kept */
};

struct request_state {
    struct loop_context *loop; /* NULL: never used */
    struct http_request *request;
    struct route_match match;
    struct http_response response; /* headers gathered so far */
    struct request_trace trace;
    struct operation_list operations;
    struct submission submission;                /* what the batcher works on */
    void (*answer)(struct request_state *state); /* called once all results are there */
    size_t refused;                              /* operations that broke a rule: not submitted */
    size_t pending;                              /* operations that count in loop->pending */
    bool is_submitted;                           /* to the batcher or the client: a write may be applied from then on */
    bool is_abandoned;                           /* the client is gone, and the batcher still works for it: no answer */
    bool is_cacheable;                           /* the answer: it never changes */
    struct freshness freshness;                  /* of one that does */
    bool is_large;                               /* a batch call */
    struct request_wait wait;
    void (*read)(struct request_state *state); /* of the admission line: called when the body may be read */
    struct {
        const struct lone_call_kind *kind;
        struct client_call *call; /* NULL: none is out */
        struct trace_step step;
    } lone_call;
    struct {
        struct cache *cache;
        struct cache_entry *entry; /* its read is out, and may be kept there; NULL: it is not */
        int64_t asked_us;          /* when it asked, or began to wait, of clock_boottime_us */
        int64_t max_age_us;        /* it takes what is younger then */
        bool is_alone;             /* it neither looks for others' answers nor gives its own to others */
        struct list waiters;       /* for the answer to its read */
    } cached;                      /* (cached_read.h) */
    /* Decoded texts of path and header: the operations point here, since they outlive path and header. */
    char idempotency_key[IDEMPOTENCY_KEY_LEN_MAX];
    char resource_id[RESOURCE_ID_LEN_MAX * PERCENT_ENCODED_BYTE];
    char counter_type[COUNTER_TYPE_LEN_MAX * PERCENT_ENCODED_BYTE];
    char window[RANKING_NAME_LEN_MAX]; /* of a ranking, as its answer repeats it */
    size_t window_len;
};

struct request_state *request_state_begin(struct loop_context *loop, struct http_request *request) MUST_CHECK;
/* Ready for the next request; gives back memory beyond the usual. */
void request_state_end(struct request_state *state);
/* The client is gone and nothing works for the request any more: ends it, and the request with it. */
void request_state_release(struct request_state *state);
/* For http_application.state_done: struct loop_context, which may be gone, and struct request_state. */
void request_state_done(void *loop_context, void *request_state);

/* Monotonic microseconds. */
static inline int64_t request_state_deadline_us(const struct request_state *state)
{
    return state->request->complete_us - state->request->held_us + state->loop->request_timeout_us;
}

static inline bool request_is_write(const struct request_state *state)
{
    return state->match.route != NULL && state->match.route->is_write;
}

#endif
