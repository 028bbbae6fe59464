/* How a request moves, all on the loop's thread:
 *
 *   handler, first call ─> request RECEIVING ── body ──> handler, last call ─> WAITING ─> on_request
 *      │                      │  ↑ room                                          │
 *      │                      └─ HELD                                            │
 *      └─ refused: on_request at once                                            │
 *   http_reply ─> ANSWERED ─> handler, called again at the next run: response queued ─> SENDING
 *   completed ─> request back to the free list; or, while WAITING: ABANDONED, on_gone, http_request_release */
#include <assert.h>

#include "common/base/clock.h"
#include "common/http/http_head.h"
#include "common/http/http_held.h"
#include "common/http/http_loop.h"

static enum MHD_Result note_field(void *head, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    (void)kind;
    http_head_field(head, (struct text){name, name_len}, (struct text){value, value_len});
    return MHD_YES;
}

/* Takes one off a count of http_progress. */
static void count_down(unsigned *count)
{
    assert(*count > 0);
    (*count)--;
}

static enum MHD_Result queue_response(struct http_exchange *exchange)
{
    const struct http_response *answer = &exchange->response;
    assert(exchange->phase == EXCHANGE_ANSWERED);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, (void *)(uintptr_t)answer->body.data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    bool added = true;
    if (answer->content_type != NULL) {
        added = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type) == MHD_YES;
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        const struct http_header *header = &answer->headers[i];
        added = added && MHD_add_response_header(response, header->name, header->value) == MHD_YES;
    }
    if (exchange->request.refusal != HTTP_NOT_REFUSED ||
        atomic_load_explicit(&exchange->loop->close_announced, memory_order_relaxed)) {
        added = added && MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
    }
    enum MHD_Result queued =
        added ? MHD_queue_response(exchange->mhd_connection, (unsigned)answer->status, response) : MHD_NO;
    MHD_destroy_response(response);
    if (queued == MHD_YES) {
        exchange->phase = EXCHANGE_SENDING;
        count_down(&exchange->loop->progress.answered);
        exchange->loop->progress.sending++;
        exchange->loop->progress.ended = true;
    }
    return queued;
}

/* Refuses the request if http_intake has found a fault in it so far, in its body too. */
static void take_fault(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    const char *fault = http_intake_fault(&exchange->connection->intake, exchange->number);
    if (fault != NULL) {
        request->refusal = HTTP_MALFORMED;
        request->refusal_detail = fault;
    }
}

/* Gives a complete or refused request to the application. */
static enum MHD_Result dispatch(struct http_exchange *exchange)
{
    struct http_loop *loop = exchange->loop;
    assert(exchange->phase == EXCHANGE_RECEIVING);
    take_fault(exchange);
    exchange->phase = EXCHANGE_WAITING;
    loop->progress.waiting++;
    if (exchange->piece_run == loop->progress.run) {
        count_down(&loop->progress.arriving);
    }
    exchange->request.complete_us = clock_monotonic_us();
    exchange->connection->receiving_since_us = 0;
    http_connections_answering(&loop->connections, exchange->connection);
    loop->application.on_request(loop->application.ctx, &exchange->request);
    assert(exchange->phase == EXCHANGE_ANSWERED || exchange->request.refusal == HTTP_NOT_REFUSED);
    return exchange->phase == EXCHANGE_ANSWERED ? queue_response(exchange) : MHD_YES;
}

/* Returns NULL when out of memory. */
static struct http_exchange *begin_request(struct http_loop *loop, struct MHD_Connection *mhd_connection,
                                           const char *url, const char *method, const char *version)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd_connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_exchange *exchange =
        info->socket_context == NULL ? NULL : http_exchange_take(&loop->free_exchanges, loop, &loop->application);
    if (exchange == NULL) {
        return NULL;
    }
    http_exchange_reset(exchange);
    exchange->connection = info->socket_context;
    exchange->mhd_connection = mhd_connection;
    exchange->piece_run = loop->progress.run - 1; /* the exchange may have served another request in this run */
    exchange->connection->in_request = true;
    exchange->number = ++exchange->connection->requests;
    assert(exchange->number <= exchange->connection->intake.request); /* no request goes past http_intake */
    if (exchange->connection->receiving_since_us == 0) {
        exchange->connection->receiving_since_us = clock_monotonic_us();
    }
    atomic_fetch_add_explicit(&loop->in_flight, 1, memory_order_relaxed);
    http_head_begin(&exchange->head, &loop->application, &exchange->request, method, url);
    MHD_get_connection_values_n(mhd_connection, MHD_HEADER_KIND, note_field, &exchange->head);
    exchange->request.refusal_detail = http_head_end(&exchange->head, version);
    exchange->request.refusal = exchange->request.refusal_detail != NULL ? HTTP_MALFORMED : HTTP_NOT_REFUSED;
    return exchange;
}

/* Reserves a body of `size` bytes, or holds the request: behind those held already, unless the body is too small to be
 * counted. */
static enum MHD_Result make_room(struct http_exchange *exchange, size_t size)
{
    struct http_loop *loop = exchange->loop;
    const bool must_queue = loop->held.exchanges.first != NULL && size > HTTP_BUDGET_FREE;
    const enum http_body_room room = must_queue ? HTTP_BODY_NO_BUDGET : http_exchange_reserve_body(exchange, size);
    if (room == HTTP_BODY_NO_BUDGET) {
        http_held_add(loop, exchange);
    }
    return room == HTTP_BODY_NO_MEMORY ? MHD_NO : MHD_YES;
}

/* A piece of the request came in this run. More may be in the socket without an event: the library's epoll is
 * edge-triggered. */
static void note_piece(struct http_exchange *exchange)
{
    if (exchange->piece_run != exchange->loop->progress.run) {
        exchange->piece_run = exchange->loop->progress.run;
        exchange->loop->progress.arriving++;
    }
}

/* The library repeats the first call of a request in which its connection was suspended. */
static enum MHD_Result on_released(struct http_exchange *exchange)
{
    assert(exchange->phase == EXCHANGE_RELEASED);
    exchange->phase = EXCHANGE_RECEIVING;
    note_piece(exchange);
    return exchange->request.refusal == HTTP_NOT_REFUSED ? MHD_YES : dispatch(exchange);
}

/* First call of the handler: the header block is complete. */
static enum MHD_Result on_headers(struct http_exchange *exchange)
{
    struct http_loop *loop = exchange->loop;
    struct http_request *request = &exchange->request;
    take_fault(exchange);
    if (request->refusal != HTTP_NOT_REFUSED) {
        return dispatch(exchange);
    }
    const struct http_allowance allowance = loop->application.on_headers(loop->application.ctx, request);
    const size_t content_length = exchange->head.content_length;
    exchange->body_max = allowance.body_max;
    if (allowance.is_refused || content_length > exchange->body_max) {
        request->refusal = allowance.is_refused ? HTTP_REFUSED_BY_APPLICATION : HTTP_BODY_TOO_LARGE;
        return dispatch(exchange);
    }
    return make_room(exchange, content_length);
}

enum MHD_Result http_handler_call(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload_data, size_t *upload_data_size,
                                  void **con_cls)
{
    struct http_exchange *exchange = *con_cls;
    if (exchange == NULL) {
        exchange = begin_request(cls, connection, url, method, version);
        if (exchange == NULL) {
            return MHD_NO;
        }
        *con_cls = exchange;
        note_piece(exchange);
        return on_headers(exchange);
    }
    if (*upload_data_size != 0) {
        size_t len = *upload_data_size;
        assert(exchange->phase == EXCHANGE_RECEIVING); /* the library gives nothing behind an answer */
        *upload_data_size = 0;
        note_piece(exchange);
        return http_exchange_add_body(exchange, upload_data, len) == 0 ? MHD_YES : MHD_NO;
    }
    switch (exchange->phase) {
    case EXCHANGE_RELEASED:
        return on_released(exchange);
    case EXCHANGE_RECEIVING:
        return dispatch(exchange);
    case EXCHANGE_ANSWERED:
        return queue_response(exchange);
    case EXCHANGE_HELD:
    case EXCHANGE_WAITING:
    case EXCHANGE_SENDING:
    default:
        return MHD_YES;
    }
}

/* Takes the exchange out of the count of its phase. */
static void leave_progress(const struct http_exchange *exchange)
{
    struct http_progress *progress = &exchange->loop->progress;
    assert(exchange->phase != EXCHANGE_HELD && exchange->phase != EXCHANGE_ABANDONED);
    if (exchange->phase == EXCHANGE_SENDING) {
        count_down(&progress->sending);
    } else if (exchange->phase == EXCHANGE_ANSWERED) {
        count_down(&progress->answered);
    } else if (exchange->phase == EXCHANGE_WAITING) {
        count_down(&progress->waiting);
    }
    progress->ended = true;
}

void http_handler_completed(void *cls, struct MHD_Connection *mhd_connection, void **con_cls,
                            enum MHD_RequestTerminationCode why)
{
    (void)mhd_connection;
    (void)why;
    struct http_loop *loop = cls;
    struct http_exchange *exchange = *con_cls;
    if (exchange == NULL) {
        return;
    }
    *con_cls = NULL;
    exchange->mhd_connection = NULL;
    leave_progress(exchange);
    http_connections_answered(&loop->connections, exchange->connection, clock_monotonic_us());
    atomic_fetch_sub_explicit(&loop->in_flight, 1, memory_order_relaxed);
    if (exchange->phase == EXCHANGE_WAITING) {
        exchange->phase = EXCHANGE_ABANDONED;
        loop->application.on_gone(loop->application.ctx, &exchange->request);
        return;
    }
    http_exchange_give_back(&loop->free_exchanges, exchange);
}

void http_reply(struct http_request *request, const struct http_response *response)
{
    struct http_exchange *exchange = (struct http_exchange *)request;
    assert(exchange->phase == EXCHANGE_WAITING); /* neither answered already nor abandoned */
    http_exchange_keep_response(exchange, response);
    exchange->phase = EXCHANGE_ANSWERED;
    count_down(&exchange->loop->progress.waiting);
    exchange->loop->progress.answered++;
}
