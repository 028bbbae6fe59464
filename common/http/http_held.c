#include "common/http/http_held.h"

#include <assert.h>

#include "common/base/clock.h"

/* Between two looks for room: to resume one connection the library goes through all suspended ones, which can be
 * thousands. */
enum { LOOK_US = 1000 };

void http_held_add(struct http_loop *loop, struct http_exchange *exchange)
{
    assert(exchange->phase == EXCHANGE_RECEIVING && exchange->request.body_len == 0);
    assert((loop->held.first == NULL) == (loop->held.last == NULL));
    exchange->phase = EXCHANGE_HELD;
    exchange->held_since_us = clock_monotonic_us();
    exchange->next = NULL;
    *(loop->held.last != NULL ? &loop->held.last->next : &loop->held.first) = exchange;
    loop->held.last = exchange;
    exchange->connection->receiving_since_us = 0; /* it is not the client who is slow */
    http_connections_answering(&loop->connections, exchange->connection);
    MHD_suspend_connection(exchange->mhd_connection);
}

static void release_first(struct http_loop *loop, int64_t now_us)
{
    struct http_exchange *exchange = loop->held.first;
    assert(exchange->phase == EXCHANGE_HELD);
    loop->held.first = exchange->next;
    if (loop->held.first == NULL) {
        loop->held.last = NULL;
    }
    exchange->phase = EXCHANGE_RELEASED;
    exchange->request.held_us = now_us - exchange->held_since_us;
    http_connections_receiving(&loop->connections, exchange->connection, now_us);
    MHD_resume_connection(exchange->mhd_connection);
}

static bool is_late(const struct http_loop *loop, const struct http_exchange *exchange, int64_t now_us)
{
    return now_us - exchange->held_since_us >= (int64_t)loop->options.answer_timeout_ms * 1000;
}

/* Whether the request need not be held any longer: it is late, or its body has room. */
static bool may_go_on(const struct http_loop *loop, struct http_exchange *exchange, int64_t now_us)
{
    if (is_late(loop, exchange, now_us)) {
        exchange->request.refusal = HTTP_OVER_BUDGET;
        return true;
    }
    if (http_exchange_reserve_body(exchange, exchange->head.content_length) != HTTP_BODY_NO_BUDGET) {
        return true; /* out of memory is told when the body comes */
    }
    return false;
}

void http_held_turn(struct http_loop *loop, int64_t now_us)
{
    if (loop->held.first == NULL || now_us < loop->held.look_us) {
        return;
    }
    loop->held.look_us = now_us + LOOK_US;
    while (loop->held.first != NULL && may_go_on(loop, loop->held.first, now_us)) {
        release_first(loop, now_us);
    }
}

int64_t http_held_next_us(const struct http_loop *loop)
{
    return loop->held.first == NULL ? INT64_MAX : loop->held.look_us;
}

void http_held_release_all(struct http_loop *loop)
{
    while (loop->held.first != NULL) {
        release_first(loop, clock_monotonic_us());
    }
}
