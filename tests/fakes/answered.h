/* A reply of Redis as it comes over a connection, of bytes that a test writes. */
#ifndef TALLY_TESTS_FAKES_ANSWERED_H
#define TALLY_TESTS_FAKES_ANSWERED_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "counter-service/redis/redis_conn.h"
#include "tests/fakes/loopback.h"

enum { ANSWERED_PATIENCE_MS = 20000 };

struct answered {
    struct redis_conn *conn;
    struct redis_reply reply; /* until answered_end */
    int listener;
    int peer;
};

/* answer: RESP, of one reply; what the buffers of a socket hold. */
static inline void answered_begin(struct answered *answered, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    struct error error = {.message = ""};
    answered->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(answered->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(answered->listener, 1), 0);
    assert_int_equal(getsockname(answered->listener, (struct sockaddr *)&address, &len), 0);
    answered->conn = loopback_conn(ntohs(address.sin_port), ANSWERED_PATIENCE_MS, &error);
    assert_string_equal(error.message, "");
    answered->peer = accept(answered->listener, NULL, NULL);
    assert_int_equal(send(answered->peer, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
    redis_conn_begin(answered->conn, TEXT("PING\r\n"), ANSWERED_PATIENCE_MS);
    assert_int_equal(redis_conn_next(answered->conn, &answered->reply), 0);
}

static inline void answered_end(struct answered *answered)
{
    redis_conn_close(answered->conn);
    close(answered->peer);
    close(answered->listener);
}

#endif
