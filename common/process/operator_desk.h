/* The endpoints for operators: health, metrics and whatever else is asked by hand. A program has one table of them;
 * each HTTP loop that serves them has a desk.
 *
 *     operator_desk_answer ─> write ─┬─> a status ───────────────────────────────────────────────────> reply
 *                                    └─> OPERATOR_LATER ─┬─> operator_answer_finish ─> wake ─> turn ─> reply
 *                                                        └─> client gone: operator_desk_gone, and finish is for nobody
 *
 * An answer may take as long as the longest timeout of the loop's http_loop_options, or as http_request_expect has
 * told: after that the HTTP library takes the client for gone.
 *
 * Loop thread only, except operator_answer_finish and the answer that it will end. */
#ifndef TALLY_COMMON_PROCESS_OPERATOR_DESK_H
#define TALLY_COMMON_PROCESS_OPERATOR_DESK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/list.h"
#include "common/base/text.h"
#include "common/http/http_server.h"

struct operator_desk;

/* What a writer makes. */
struct operator_answer {
    /* the writer's, on any thread, until it has told the status; content_type and is_cacheable start as the
     * endpoint's */
    struct buffer body; /* if it has failed, a problem is answered instead */
    const char *content_type;
    bool is_cacheable;
    const char *vary; /* the request's header field that the answer depends on; NULL: none */
    /* Loop thread; the writer may use it until it returns: http_request_query tells what is asked for,
     * http_request_peer who asks. NULL once the client is gone. */
    struct http_request *request;
    bool takes_long;     /* http_request_expect was called for it */
    atomic_bool is_gone; /* the client is: what is written is for nobody. Any thread, until the status is told */
    /* the desk's */
    int status;
    struct operator_desk *desk;
    struct list_node node;        /* in the desk's `open` */
    struct operator_answer *next; /* in the desk's `finished` */
};

/* What an answer is, beside its body. The strings are static. */
struct operator_head {
    int status;
    const char *content_type;
    bool is_cacheable;
    const char *vary; /* NULL: none */
};

/* Instead of an HTTP status: operator_answer_finish will tell it. */
enum { OPERATOR_LATER = 0 };

struct operator_endpoint {
    const char *path;
    const char *content_type;
    bool is_cacheable; /* what it writes never changes */
    /* Writes into answer->body and returns the HTTP status, or OPERATOR_LATER. Must not block. */
    int (*write)(void *ctx, struct operator_answer *answer);
};

struct operator_desk {
    /* immutable once the loop runs; set by the owner of the loop, who leaves the other fields zero */
    const struct operator_endpoint *endpoints; /* static */
    size_t count;
    void *ctx; /* passed to the writers */
    /* Answers the request with request->reply, unless that failed: then with a problem. */
    void (*reply)(struct http_request *request, const struct operator_head *head);
    struct http_loop *http;
    /* owned by the loop thread */
    struct list open; /* answers whose status is not told yet, or not yet taken off `finished` */
    /* any thread */
    _Atomic(struct operator_answer *) finished;
};

/* Ends an answer that comes later, once; the desk frees it. Any thread, before the loop is freed. */
void operator_answer_finish(struct operator_answer *answer, int status);
/* Replaces what the answer holds with a problem document, see problem_write. Returns status. */
int operator_answer_problem(struct operator_answer *answer, int status, const char *slug, const char *title,
                            const char *detail);
/* The writer of /metrics: in Prometheus's text format, or as OpenMetrics if the request's Accept wants that more. */
int operator_write_metrics(void *ctx, struct operator_answer *answer);

/* NULL if nothing is at this path. */
const struct operator_endpoint *operator_desk_find(const struct operator_desk *desk, struct text path);
/* Has the endpoint answer the request, now or later; when out of memory, answers a problem now. */
void operator_desk_answer(struct operator_desk *desk, const struct operator_endpoint *endpoint,
                          struct http_request *request);
/* Sends the finished answers. For http_application.on_wake. */
void operator_desk_turn(struct operator_desk *desk);
/* Forgets a request that waits for its answer: the client is gone, or something else answers the request. */
void operator_desk_gone(struct operator_desk *desk, const struct http_request *request);
/* Called when all answers are finished and the loop has ended. A zeroed desk is fine. */
void operator_desk_done(struct operator_desk *desk);

#endif
