#include "common/http/http_exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* An exchange keeps at most this much reply memory, and HTTP_BUDGET_FREE of body, between requests. */
    REPLY_KEEP_MAX = 4 * 1024,
    BODY_INITIAL = 1024,
};

static void give_back_budget(struct http_exchange *exchange)
{
    if (exchange->budgeted > 0) {
        http_budget_give_back(exchange->budget, exchange->budgeted);
        exchange->budgeted = 0;
    }
}

/* Keeps no more of the body's memory than a request of usual size needs. */
static void shrink_body(struct http_exchange *exchange)
{
    if (exchange->body_capacity > HTTP_BUDGET_FREE) {
        char *smaller = realloc(exchange->request.body, BODY_INITIAL);
        if (smaller != NULL) {
            exchange->request.body = smaller;
            exchange->body_capacity = BODY_INITIAL;
        }
    }
    give_back_budget(exchange);
}

static void exchange_free(struct http_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    give_back_budget(exchange);
    if (exchange->state_done != NULL && exchange->request.state != NULL) {
        exchange->state_done(exchange->application_ctx, exchange->request.state);
    }
    free(exchange->request.state);
    free(exchange->request.body);
    buffer_done(&exchange->request.reply);
    free(exchange);
}

static struct http_exchange *exchange_create(struct http_loop *loop, const struct http_application *application)
{
    struct http_exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL) {
        return NULL;
    }
    buffer_init(&exchange->request.reply);
    exchange->loop = loop;
    exchange->application_ctx = application->ctx;
    exchange->budget = application->budget;
    exchange->state_done = application->state_done;
    exchange->request.state = calloc(1, application->request_state_size + 1);
    exchange->request.body = malloc(BODY_INITIAL);
    exchange->body_capacity = BODY_INITIAL;
    if (exchange->request.state == NULL || exchange->request.body == NULL) {
        exchange_free(exchange);
        return NULL;
    }
    return exchange;
}

struct http_exchange *http_exchange_take(struct http_exchange_list *list, struct http_loop *loop,
                                         const struct http_application *application)
{
    struct http_exchange *exchange = list->first;
    if (exchange == NULL) {
        return exchange_create(loop, application);
    }
    list->first = exchange->next;
    return exchange;
}

void http_exchange_give_back(struct http_exchange_list *list, struct http_exchange *exchange)
{
    assert(exchange->phase != EXCHANGE_HELD && exchange->phase != EXCHANGE_WAITING);
    assert(exchange->phase != EXCHANGE_ABANDONED); /* the application's */
    shrink_body(exchange);
    buffer_clear(&exchange->request.reply, REPLY_KEEP_MAX);
    exchange->next = list->first;
    list->first = exchange;
}

void http_exchange_list_free(struct http_exchange_list *list)
{
    while (list->first != NULL) {
        struct http_exchange *exchange = list->first;
        list->first = exchange->next;
        exchange_free(exchange);
    }
}

void http_request_release(struct http_request *request)
{
    struct http_exchange *exchange = (struct http_exchange *)request;
    assert(exchange->phase == EXCHANGE_ABANDONED);
    exchange_free(exchange);
}

void http_exchange_reset(struct http_exchange *exchange)
{
    struct http_request *request = &exchange->request;
    *request = (struct http_request){
        .body = request->body,
        .reply = request->reply,
        .state = request->state,
    };
    exchange->phase = EXCHANGE_RECEIVING;
}

/* From now on the budget counts the answer's body instead of the request's. */
static void account_reply(struct http_exchange *exchange)
{
    shrink_body(exchange);
    if (exchange->budget != NULL && exchange->request.reply.capacity > HTTP_BUDGET_FREE) {
        exchange->budgeted = exchange->request.reply.capacity;
        http_budget_take_anyway(exchange->budget, exchange->budgeted);
    }
}

void http_exchange_keep_response(struct http_exchange *exchange, const struct http_response *response)
{
    assert(response->header_count <= HTTP_REPLY_HEADERS_MAX);
    account_reply(exchange);
    exchange->response = *response;
    size_t used = 0;
    for (size_t i = 0; i < response->header_count; i++) {
        const size_t size = strlen(response->headers[i].value) + 1;
        assert(used + size <= sizeof(exchange->header_values));
        exchange->response.headers[i].value = memcpy(exchange->header_values + used, response->headers[i].value, size);
        used += size;
    }
}

/* Takes from the budget what a body of `capacity` bytes needs of it. False: the budget has less left. */
static bool take_budget(struct http_exchange *exchange, size_t capacity)
{
    const size_t counted = capacity > HTTP_BUDGET_FREE ? capacity : 0;
    if (exchange->budget == NULL || counted <= exchange->budgeted) {
        return true;
    }
    if (!http_budget_take(exchange->budget, counted - exchange->budgeted)) {
        return false;
    }
    exchange->budgeted = counted;
    return true;
}

enum http_body_room http_exchange_reserve_body(struct http_exchange *exchange, size_t size)
{
    if (size <= exchange->body_capacity) {
        return HTTP_BODY_ROOM;
    }
    size_t capacity = exchange->body_capacity * 2;
    if (capacity > exchange->body_max) {
        capacity = exchange->body_max; /* more would only take from the budget */
    }
    if (capacity < size) {
        capacity = size;
    }
    if (!take_budget(exchange, capacity)) {
        return HTTP_BODY_NO_BUDGET;
    }
    char *body = realloc(exchange->request.body, capacity);
    if (body == NULL) {
        return HTTP_BODY_NO_MEMORY;
    }
    exchange->request.body = body;
    exchange->body_capacity = capacity;
    return HTTP_BODY_ROOM;
}

/* Makes room for `size` bytes of body. If the budget has none, the request is refused and its body thrown away: another
 * request may have the place. Returns 0, or -1 when out of memory. */
static int grow_body(struct http_exchange *exchange, size_t size)
{
    const enum http_body_room room = http_exchange_reserve_body(exchange, size);
    if (room == HTTP_BODY_NO_BUDGET) {
        exchange->request.refusal = HTTP_OVER_BUDGET;
        shrink_body(exchange);
    }
    return room == HTTP_BODY_NO_MEMORY ? -1 : 0;
}

/* A body that is refused is read to its end and thrown away, so that the answer can be queued (not possible during an
 * upload); over twice the limit the connection is closed. */
int http_exchange_add_body(struct http_exchange *exchange, const char *data, size_t len)
{
    struct http_request *request = &exchange->request;
    if (request->body_len + len > exchange->body_max) {
        request->refusal = HTTP_BODY_TOO_LARGE;
    } else if (request->refusal == HTTP_NOT_REFUSED && grow_body(exchange, request->body_len + len) != 0) {
        return -1;
    }
    if (request->refusal == HTTP_NOT_REFUSED) {
        memcpy(request->body + request->body_len, data, len);
    }
    request->body_len += len;
    return request->body_len > 2 * exchange->body_max ? -1 : 0;
}
