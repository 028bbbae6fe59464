/* A small blocking HTTP/1.1 client on libcurl; this module alone includes its header. For start-up and background work,
 * never for the request path. A client belongs to one thread at a time and keeps its connection open between requests.
 * No proxy, no redirects, no signals. */
#ifndef TALLY_COMMON_HTTP_CLIENT_H
#define TALLY_COMMON_HTTP_CLIENT_H

#include <stddef.h>

#include "common/buffer.h"
#include "common/compiler.h"
#include "common/error.h"

struct http_client;

/* Returns NULL when out of memory. */
struct http_client *http_client_create(void);
/* NULL is fine. */
void http_client_free(struct http_client *client);

/* GET url ("http://127.0.0.1:8080/health/ready"); timeout_ms is for all of it. Returns 0 with *ret_status (any status
 * that the server chose) and the body appended to ret_body, or -1 with error filled: no answer in time, or one whose
 * body is longer than body_max. */
int http_client_get(struct http_client *client, const char *url, int timeout_ms, size_t body_max, int *ret_status,
                    struct buffer *ret_body, struct error *error) MUST_CHECK;

#endif
