/* A small blocking HTTP/1.1 client on libcurl; this module alone includes its header. For start-up and background work,
 * never for the request path. A client belongs to one thread at a time and keeps its connection open between requests;
 * only http_client_cancel may be called from another one.
 * No proxy, no redirects, no signals. */
#ifndef TALLY_COMMON_NET_HTTP_CLIENT_H
#define TALLY_COMMON_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"

enum {
    HTTP_CLIENT_HEADER_SIZE = 64,      /* of the wanted header's value, with its NUL; a longer one is cut */
    HTTP_CLIENT_ADDRESS_SIZE = 64,     /* a printed IP address and its NUL */
    HTTP_CLIENT_CONNECT_MAX_MS = 2000, /* for a connection to be made, within the timeout of its request */
};

struct http_client;

enum http_client_method { HTTP_CLIENT_GET, HTTP_CLIENT_PUT, HTTP_CLIENT_POST };

struct http_client_request {
    const char *url; /* "http://127.0.0.1:8500/v1/agent/service/register" */
    enum http_client_method method;
    struct text body;           /* may be empty; not of a GET */
    const char *const *headers; /* "Name: value" each */
    size_t header_count;
    const char *wanted_header; /* name of a header to be copied out of the answer, or NULL */
    int timeout_ms;            /* for the whole request */
    size_t body_max;           /* of the answer, bytes */
    bool cuts_body;            /* a longer body is cut there; otherwise it is an error */
};

struct http_client_answer {
    int status;                                   /* any that the server chose */
    int64_t retry_after_s;                        /* of Retry-After, a number or a date; 0: there is none */
    char header[HTTP_CLIENT_HEADER_SIZE];         /* value of the wanted header; "" when the answer has none */
    char local_address[HTTP_CLIENT_ADDRESS_SIZE]; /* this end of the connection, without brackets */
};

/* Returns NULL when out of memory. */
struct http_client *http_client_create(void) MUST_CHECK;
/* No request may be running. NULL is fine. */
void http_client_free(struct http_client *client);

/* Returns 0 with *ret_answer filled and the body appended to ret_body, or -1 with error filled: no answer in time, one
 * whose body is too long, or the client was cancelled. */
int http_client_request(struct http_client *client, const struct http_client_request *request,
                        struct http_client_answer *ret_answer, struct buffer *ret_body, struct error *error) MUST_CHECK;

/* GET url ("http://127.0.0.1:8080/health/ready"), as above. */
int http_client_get(struct http_client *client, const char *url, int timeout_ms, size_t body_max, int *ret_status,
                    struct buffer *ret_body, struct error *error) MUST_CHECK;

/* Any thread: the request that runs, and each later one, ends at once with an error. The server may have received it.
 */
void http_client_cancel(struct http_client *client);

#endif
