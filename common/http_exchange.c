#include "common/http_exchange.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* One keeps at most this much body and reply memory between requests. */
    BODY_KEEP_MAX = 4 * 1024,
    REPLY_KEEP_MAX = 4 * 1024,
    BODY_INITIAL = 1024,
};

static void exchange_free(struct http_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
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
    list->first = exchange->next_free;
    return exchange;
}

void http_exchange_give_back(struct http_exchange_list *list, struct http_exchange *exchange)
{
    if (exchange->body_capacity > BODY_KEEP_MAX) {
        char *smaller = realloc(exchange->request.body, BODY_INITIAL);
        if (smaller != NULL) {
            exchange->request.body = smaller;
            exchange->body_capacity = BODY_INITIAL;
        }
    }
    buffer_clear(&exchange->request.reply, REPLY_KEEP_MAX);
    exchange->next_free = list->first;
    list->first = exchange;
}

void http_exchange_list_free(struct http_exchange_list *list)
{
    while (list->first != NULL) {
        struct http_exchange *exchange = list->first;
        list->first = exchange->next_free;
        exchange_free(exchange);
    }
}

void http_request_release(struct http_request *request)
{
    exchange_free((struct http_exchange *)request);
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

int http_exchange_reserve_body(struct http_exchange *exchange, size_t size)
{
    if (size <= exchange->body_capacity) {
        return 0;
    }
    size_t capacity = exchange->body_capacity * 2;
    if (capacity < size) {
        capacity = size;
    }
    char *body = realloc(exchange->request.body, capacity);
    if (body == NULL) {
        return -1;
    }
    exchange->request.body = body;
    exchange->body_capacity = capacity;
    return 0;
}

/* A body over the limit is read to its end and thrown away, so that its 413 can be queued (not possible during an
 * upload); over twice the limit the connection is closed. */
int http_exchange_add_body(struct http_exchange *exchange, const char *data, size_t len)
{
    struct http_request *request = &exchange->request;
    if (request->body_len + len > exchange->body_max) {
        request->refusal = HTTP_BODY_TOO_LARGE;
        request->body_len += len;
        return request->body_len > 2 * exchange->body_max ? -1 : 0;
    }
    if (http_exchange_reserve_body(exchange, request->body_len + len) != 0) {
        return -1;
    }
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    return 0;
}
