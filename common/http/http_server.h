/* An HTTP/1.1 server (RFC 9112) on libmicrohttpd; this module alone includes its header. The library reads what
 * http_intake lets through; http_head reads what the library has parsed.
 *
 * An http_loop is one thread with one libmicrohttpd daemon in external-epoll mode and its own listening sockets.
 * Loops share nothing but the budget of bodies, which any thread may ask.
 *
 *     readable requests ──> on_request each ──> on_turn_end once
 *     answers come: http_loop_wake ──> on_wake ──> http_reply each
 *
 * on_request may answer at once or later. A request that waits is not suspended (suspending cost a quarter of the
 * gateway): libmicrohttpd asks for it again at each run, and there the answer is queued.
 *
 * Refused before they reach the application, with a bare status (the library's own doing): a request line or header
 * block over the connection's pool, 414, 431; an HTTP version that is not 1.x, 505; and half a chunk size, 400. */
#ifndef TALLY_COMMON_HTTP_HTTP_SERVER_H
#define TALLY_COMMON_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/net/listener.h"
#include "common/thread/heartbeat.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS, HTTP_OTHER_METHOD };

/* "GET"; "other" for all that have no name here. */
static inline const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "OPTIONS", "other"};
    return names[method];
}

/* Why the body of a request was not read, or not to its end. The application answers it at once; the connection is
 * closed afterwards. */
enum http_refusal {
    HTTP_NOT_REFUSED,
    HTTP_MALFORMED,      /* see `refusal_detail`; 400 */
    HTTP_BODY_TOO_LARGE, /* over what on_headers allowed; 413 */
    HTTP_OVER_BUDGET,    /* the bodies of all requests together are over http_application.budget, and there was no room
                          * within answer_timeout_ms, or none for the rest of a chunked one; 503 */
    HTTP_REFUSED_BY_APPLICATION, /* by on_headers */
};

struct http_budget;
struct http_peer;

enum { HTTP_WANTED_FIELDS_MAX = 12 };

/* A header field that the application wants to know of. */
struct http_wanted_field {
    struct text name;
    const char *repeated; /* static sentence: a request that has it twice is malformed; NULL: the application looks */
};

/* What came of a wanted field. */
struct http_field {
    struct text value; /* without the white space around it; of the last one if it came more than once */
    unsigned count;    /* how often it came */
};

/* One request. All fields are read-only for the application but `reply`. The texts point into libmicrohttpd's memory
 * and the request's own, and are valid until http_reply or on_gone returns; body until http_reply or
 * http_request_release; reply until the answer is sent. */
struct http_request {
    enum http_method method;
    struct text path; /* as sent: still percent-encoded, without the query; "*": of the server as a whole */
    struct http_field fields[HTTP_WANTED_FIELDS_MAX]; /* in the order of http_application.wanted_fields */
    struct text notable_name; /* of the last field that is_notable spoke for; .data NULL: none came */
    enum http_refusal refusal;
    const char *refusal_detail; /* static sentence, HTTP_MALFORMED only */
    char *body;                 /* body_len bytes; the application may decode in place */
    size_t body_len;
    int64_t complete_us; /* monotonic time when the body was complete */
    int64_t held_us;     /* the server kept it waiting for so long before it read the body */
    struct buffer reply; /* for the application to build its answer in; empty when on_request is called */
    void *state;         /* request_state_size bytes: zeroed when made, then kept from request to request */
};

struct http_header {
    const char *name;
    const char *value; /* NUL-terminated, copied */
};

enum {
    HTTP_REPLY_HEADERS_MAX = 10,
    /* All values together, with a NUL each: an echoed X-Request-Id and an origin of 128, and short ones. */
    HTTP_REPLY_VALUES_SIZE = 640,
};

struct http_response {
    int status;
    const char *content_type; /* static; NULL for none */
    struct text body;         /* valid until the request is released by the server; usually request->reply or static */
    struct http_header headers[HTTP_REPLY_HEADERS_MAX];
    size_t header_count;
};

/* What on_headers allows. */
struct http_allowance {
    bool is_refused; /* on_request is to answer now, and no body is read */
    size_t body_max; /* bytes, if it is not refused */
};

/* What a server does. Every callback runs on the loop's thread and must not block. */
struct http_application {
    void *ctx;
    size_t request_state_size;
    struct http_budget *budget; /* of bodies; outlives every request. NULL: no bound */
    /* Static; at most HTTP_WANTED_FIELDS_MAX. Of any other field only its name is told, in notable_name, and only if
     * is_notable, called with the name, returns true. is_notable may be NULL. */
    const struct http_wanted_field *wanted_fields;
    size_t wanted_count;
    bool (*is_notable)(struct text name);
    /* The header block is complete, and well-formed: what is allowed? The request's body is not there yet. */
    struct http_allowance (*on_headers)(void *ctx, struct http_request *request);
    /* The request is complete, or refused. Answer with http_reply: now, as everything that is refused, or keep the
     * pointer and answer later. */
    void (*on_request)(void *ctx, struct http_request *request);
    /* The client of a request not answered yet is gone. From now on the application owns the request: it must not
     * reply, and calls http_request_release once nothing points to it. NULL if on_request always answers at once. */
    void (*on_gone)(void *ctx, struct http_request *request);
    /* http_loop_wake was called. May be NULL. */
    void (*on_wake)(void *ctx);
    /* Every readable request was given to on_request. Returns the monotonic time in microseconds at which it wants to
     * be called again even if nothing happens; INT64_MAX for never. May be NULL. */
    int64_t (*on_turn_end)(void *ctx);
    /* Frees what the application keeps in state. May be NULL. */
    void (*state_done)(void *ctx, void *state);
};

struct http_loop_options {
    const char *host; /* to listen on: "0.0.0.0", "127.0.0.1", "::", or a name, on all its addresses */
    int port;         /* 0: a free one, see http_loop_port */
    enum listener_sharing sharing;
    int max_connections;     /* over it, the one longest without a request is closed */
    int idle_timeout_ms;     /* connection without a request */
    int read_timeout_ms;     /* from a request's first byte to its last */
    int answer_timeout_ms;   /* the application answers within this */
    const char *thread_name; /* at most 15 characters */
};

struct http_loop;

/* Binds and listens; no thread yet. options and application are copied; host and thread_name must outlive the loop.
 * Returns NULL with error filled. */
struct http_loop *http_loop_create(const struct http_loop_options *options, const struct http_application *application,
                                   struct error *error) MUST_CHECK;
/* Starts the loop's thread. Returns 0, or -1 with error filled. */
int http_loop_start(struct http_loop *loop, struct error *error) MUST_CHECK;
/* Stops the thread, if started, joins it and frees everything. Requests not answered get on_gone. NULL is fine. */
void http_loop_free(struct http_loop *loop);

/* The port bound. Any thread. */
int http_loop_port(const struct http_loop *loop);
/* Makes the loop call on_wake soon. Any thread; calls before on_wake runs are one. */
void http_loop_wake(struct http_loop *loop);

/* Shutdown in steps, each from any thread: answers carry `Connection: close` ... */
void http_loop_announce_close(struct http_loop *loop);
/* ... no new connections, idle ones are closed ... */
void http_loop_stop_accepting(struct http_loop *loop);
/* ... until none is open. Any thread. */
unsigned http_loop_connections(const struct http_loop *loop);

/* The heartbeat of the loop's thread, from http_loop_start to http_loop_free. */
const struct heartbeat *http_loop_heartbeat(const struct http_loop *loop);

/* Requests whose header block is complete and whose answer is not sent in full. For metrics and log lines; any
 * thread. */
unsigned http_loop_requests_in_flight(const struct http_loop *loop);

/* The value of a wanted field, by its place in the table; .data NULL: the field is missing. */
static inline struct text http_request_field(const struct http_request *request, size_t index)
{
    return request->fields[index].value;
}

/* Writes the request's query, as it was sent but for a last '&', without the '?'; http_query reads it. Returns its
 * length, 0 if there is none, or -1 if it is longer than size. Loop thread, and not after on_gone. */
int http_request_query(const struct http_request *request, char *out, size_t size) MUST_CHECK;
/* Who has sent the request: the client, or the last proxy before this program, which may be on this machine. Loop
 * thread, and not after on_gone. */
struct http_peer http_request_peer(const struct http_request *request);
/* The value of any header field, if it came; NULL if not. Of one that came twice the first. Loop thread, and not after
 * on_gone. */
const char *http_request_any_field(const struct http_request *request, const char *name);
/* Appends all values of a header field to *out, a comma between them, as RFC 9110 (section 5.3) reads a list that came
 * in several lines. Loop thread, and not after on_gone. */
void http_request_whole_field(const struct http_request *request, const char *name, struct buffer *out);
/* The connection's socket, for poll(2) by whoever makes a long answer: the library does not look whether a client that
 * waits is still there. It may be another connection's when the client is gone. Loop thread, and not after on_gone. */
int http_request_socket(const struct http_request *request);
/* The answer may take so long; 0: as any. It holds for the connection. Loop thread, and not after on_gone. */
void http_request_expect(struct http_request *request, int answer_timeout_ms);

/* Answers a request, once. Loop thread. The response is copied but for its body. */
void http_reply(struct http_request *request, const struct http_response *response);
/* Ends the application's ownership after on_gone. Loop thread. */
void http_request_release(struct http_request *request);

#endif
