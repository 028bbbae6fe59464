/* An HTTP server on the loopback that keeps every request and answers as the test says: one request a connection, one
 * connection after the other. */
#ifndef TALLY_TESTS_FAKES_SCRIPTED_HTTP_H
#define TALLY_TESTS_FAKES_SCRIPTED_HTTP_H

#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/text.h"

struct scripted_http;

/* On the server's thread: appends to out the bytes that answer request (head and body, NUL-terminated). Nothing: there
 * is no answer, and the connection stays until the client goes. A NUL: there is none, and it is closed. */
typedef void (*scripted_http_script)(void *ctx, const char *request, struct buffer *out);

/* A script that answers every request with the same bytes: ctx, NUL-terminated; NULL: there are no answers. */
void scripted_http_always(void *ctx, const char *request, struct buffer *out);

/* Returns NULL on failure. */
struct scripted_http *scripted_http_start(scripted_http_script script, void *ctx);
/* Joins its thread; no client may hang on it any more. NULL is fine. */
void scripted_http_stop(struct scripted_http *server);
/* "127.0.0.1:PORT" */
const char *scripted_http_address(const struct scripted_http *server);
int scripted_http_port(const struct scripted_http *server);
/* Waits (20 s at most) for the nth request, from 1, that starts with this; returns it, valid until the server is
 * stopped, or NULL. */
const char *scripted_http_wait(struct scripted_http *server, const char *start, size_t nth);
/* The body of a request, which may have NULs of its own. */
struct text scripted_http_body(const char *request);
/* How many requests started with this so far. */
size_t scripted_http_count(struct scripted_http *server, const char *start);
/* Appends an answer: head (NULL: none) are more header lines, each with its "\r\n". */
void scripted_http_reply(struct buffer *out, int status, const char *head, const char *body);

#endif
