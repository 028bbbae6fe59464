/* A connection to one Redis, and one exchange at a time on it: all requests are written, all replies are read, within
 * one deadline for the whole exchange, so that a Redis that drips single bytes cannot stretch it.
 *
 *     redis_conn_open ──> { redis_conn_begin ──> redis_conn_next for each reply } ... ──> redis_conn_close
 *
 * After redis_conn_next has failed only redis_conn_sent, redis_conn_was_refused, redis_conn_error and redis_conn_close
 * may be called. It parses by hiredis' reader. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_CONN_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/thread/heartbeat.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_tls.h"

struct redis_conn;

enum redis_reply_type { REDIS_NIL, REDIS_TEXT, REDIS_INTEGER, REDIS_ARRAY, REDIS_ERROR };

/* Valid until the next redis_conn_next or redis_conn_close. */
struct redis_reply {
    enum redis_reply_type type;
    struct text text;     /* REDIS_TEXT (bulk and simple strings), REDIS_ERROR (without the '-'); else empty */
    int64_t integer;      /* REDIS_INTEGER */
    size_t element_count; /* REDIS_ARRAY */
    const void *native;   /* the module's own */
};

/* Element of a REDIS_ARRAY, index < element_count. */
struct redis_reply redis_reply_element(const struct redis_reply *reply, size_t index);

/* Connects (redis_transport_connect); nothing is sent. tls: NULL for none; its strings outlive the connection.
 * heartbeat: of the thread that uses the connection, told of each wait for Redis; NULL if nobody watches it. Returns
 * NULL with error filled. */
struct redis_conn *redis_conn_open(const struct redis_address *address, const struct redis_tls *tls, int timeout_ms,
                                   struct heartbeat *heartbeat, struct error *error) MUST_CHECK;
/* NULL is fine. */
void redis_conn_close(struct redis_conn *conn);

/* Between exchanges. False: Redis has closed the connection or sent unasked bytes. Better known before a write is sent
 * than after, when the write's outcome would be unknown. */
bool redis_conn_is_idle(struct redis_conn *conn) MUST_CHECK;

/* Starts an exchange. requests: RESP, valid until its last reply was read. timeout_ms: for all of it. */
void redis_conn_begin(struct redis_conn *conn, struct text requests, int timeout_ms);
/* Reads the next reply, writing what is still unwritten meanwhile. Returns 0, or -1: redis_conn_error says why. */
int redis_conn_next(struct redis_conn *conn, struct redis_reply *ret_reply) MUST_CHECK;
/* How many bytes of this exchange's requests the transport took: what begins after them was never sent. */
size_t redis_conn_sent(const struct redis_conn *conn);
/* Whether Redis closed the connection without ever having sent anything. */
bool redis_conn_was_refused(const struct redis_conn *conn);
/* A sentence; "" while all is well. Valid until redis_conn_close. */
const char *redis_conn_error(const struct redis_conn *conn);

#endif
