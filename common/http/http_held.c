#include "common/http/http_held.h"

#include <assert.h>

#include "common/base/clock.h"

/* Between two looks for room: to resume one connection the library goes through all suspended ones, which can be
 * thousands. */
enum { LOOK_US = 1000 };

void http_held_add(struct http_loop *loop, struct http_exchange *exchange)
{
    assert(exchange->phase == EXCHANGE_RECEIVING && exchange->request.body_len == 0);
    exchange->phase = EXCHANGE_HELD;
    exchange->held_since_us = clock_monotonic_us();
    list_append(&loop->held.exchanges, &exchange->held_node);
    exchange->connection->receiving_since_us = 0; /* it is not the client who is slow */
    http_connections_answering(&loop->connections, exchange->connection);
    MHD_suspend_connection(exchange->mhd_connection);
}

/* NULL: no request is held. */
static struct http_exchange *first_held(const struct http_loop *loop)
{
    return LIST_ENTRY(loop->held.exchanges.first, struct http_exchange, held_node);
}

static void release(struct http_loop *loop, struct http_exchange *exchange, int64_t now_us)
{
    assert(exchange->phase == EXCHANGE_HELD);
    list_remove(&loop->held.exchanges, &exchange->held_node);
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
    /* Out of memory is told when the body comes. */
    return http_exchange_reserve_body(exchange, exchange->head.content_length) != HTTP_BODY_NO_BUDGET;
}

void http_held_turn(struct http_loop *loop)
{
    if (loop->held.exchanges.first == NULL) {
        return;
    }
    const int64_t now_us = clock_monotonic_us();
    if (now_us < loop->held.look_us) {
        return;
    }
    loop->held.look_us = now_us + LOOK_US;
    for (struct http_exchange *first; (first = first_held(loop)) != NULL && may_go_on(loop, first, now_us);) {
        release(loop, first, now_us);
    }
}

int64_t http_held_next_us(const struct http_loop *loop)
{
    return loop->held.exchanges.first == NULL ? INT64_MAX : loop->held.look_us;
}

void http_held_release_all(struct http_loop *loop)
{
    for (struct http_exchange *first; (first = first_held(loop)) != NULL;) {
        release(loop, first, clock_monotonic_us());
    }
}
