/* Requests whose body finds no room in http_application.budget are held, first in, first out, with the body unread in
 * the socket and the connection suspended: a client that waits does not send again, one that is refused at once may. A
 * held request goes on when others have given back as much as it needs; one that has been held for answer_timeout_ms is
 * refused. Private to http_server. Loop thread only.
 *
 *     no room ─> http_held_add ─┬─> room ─> its body is read
 *                               └─> late ─> HTTP_OVER_BUDGET: answered, its body unread
 */
#ifndef TALLY_COMMON_HTTP_HTTP_HELD_H
#define TALLY_COMMON_HTTP_HTTP_HELD_H

#include <stdint.h>

#include "common/http/http_loop.h"

/* From the handler's first call for the request. */
void http_held_add(struct http_loop *loop, struct http_exchange *exchange);
/* Before the library is run: lets the held requests go on that find room or are late. */
void http_held_turn(struct http_loop *loop);
/* When http_held_turn wants to be called again, monotonic microseconds; INT64_MAX for never. It looks each millisecond,
 * since another loop may give room back. */
int64_t http_held_next_us(const struct http_loop *loop);
/* Before the library is stopped: no connection may be suspended then. */
void http_held_release_all(struct http_loop *loop);

#endif
