/* A connection without TLS to a Redis on the loopback. */
#ifndef TALLY_TESTS_FAKES_LOOPBACK_H
#define TALLY_TESTS_FAKES_LOOPBACK_H

#include "counter-service/redis/redis_conn.h"

/* As redis_conn_open. */
static inline struct redis_conn *loopback_conn(int port, int timeout_ms, struct error *error)
{
    struct redis_address address;
    if (redis_address_of_tcp(TEXT("127.0.0.1"), port, &address) != 0) {
        error_set(error, "%d is no port", port);
        return NULL;
    }
    return redis_conn_open(&address, NULL, timeout_ms, NULL, error);
}

#endif
