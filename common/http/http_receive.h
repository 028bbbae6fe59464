/* Where libmicrohttpd's bytes pass through http_intake.
 *
 * The library has no hook for what it reads, so http_receive.c defines recv(), which the library calls for nothing
 * else: a symbol of the program comes before one of libc. Calls for other sockets, with flags, or on other threads go
 * to the kernel as they are. http_server asserts that every request did come this way. */
#ifndef TALLY_COMMON_HTTP_HTTP_RECEIVE_H
#define TALLY_COMMON_HTTP_HTTP_RECEIVE_H

struct http_connections;

/* From now on what this thread's recv() reads from the sockets of these connections passes through http_intake. NULL:
 * nothing does. */
void http_receive_for(const struct http_connections *connections);

#endif
