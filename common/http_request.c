#include "common/http_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    /* A request object keeps at most this much body and reply memory between requests. */
    BODY_KEEP_MAX = 4 * 1024,
    REPLY_KEEP_MAX = 4 * 1024,
    BODY_INITIAL = 1024,
};

static void request_free(struct request *request)
{
    if (request == NULL) {
        return;
    }
    if (request->state_done != NULL && request->public.state != NULL) {
        request->state_done(request->application_ctx, request->public.state);
    }
    free(request->public.state);
    free(request->public.body);
    buffer_done(&request->public.reply);
    free(request);
}

static struct request *request_create(struct http_loop *loop, const struct http_application *application)
{
    struct request *request = calloc(1, sizeof(*request));
    if (request == NULL) {
        return NULL;
    }
    buffer_init(&request->public.reply);
    request->loop = loop;
    request->application_ctx = application->ctx;
    request->state_done = application->state_done;
    request->public.state = calloc(1, application->request_state_size + 1);
    request->public.body = malloc(BODY_INITIAL);
    request->body_capacity = BODY_INITIAL;
    if (request->public.state == NULL || request->public.body == NULL) {
        request_free(request);
        return NULL;
    }
    return request;
}

struct request *request_take(struct request_list *list, struct http_loop *loop,
                             const struct http_application *application)
{
    struct request *request = list->first;
    if (request == NULL) {
        return request_create(loop, application);
    }
    list->first = request->next_free;
    return request;
}

void request_give_back(struct request_list *list, struct request *request)
{
    if (request->body_capacity > BODY_KEEP_MAX) {
        char *smaller = realloc(request->public.body, BODY_INITIAL);
        if (smaller != NULL) {
            request->public.body = smaller;
            request->body_capacity = BODY_INITIAL;
        }
    }
    buffer_clear(&request->public.reply, REPLY_KEEP_MAX);
    request->next_free = list->first;
    list->first = request;
}

void request_list_free(struct request_list *list)
{
    while (list->first != NULL) {
        struct request *request = list->first;
        list->first = request->next_free;
        request_free(request);
    }
}

void http_request_release(struct http_request *request)
{
    request_free((struct request *)request);
}

static enum http_method method_of(struct text name)
{
    if (text_equal(name, TEXT("POST"))) {
        return HTTP_POST;
    }
    if (text_equal(name, TEXT("GET"))) {
        return HTTP_GET;
    }
    return text_equal(name, TEXT("HEAD")) ? HTTP_HEAD : HTTP_OTHER_METHOD;
}

void request_reset(struct request *request, const char *url, const char *method)
{
    struct http_request *public = &request->public;
    *public = (struct http_request){
        .method_name = text_of(method),
        .path = text_of(url),
        .body = public->body,
        .reply = public->reply,
        .state = public->state,
    };
    public->method = method_of(public->method_name);
    request->phase = REQUEST_RECEIVING;
    request->framing = (struct http_framing){0};
}

static bool name_is(struct text name, struct text wanted)
{
    return name.len == wanted.len && strncasecmp(name.data, wanted.data, wanted.len) == 0;
}

void request_note_header(struct request *request, struct text name, struct text value)
{
    struct http_request *public = &request->public;
    if (name_is(name, TEXT("Content-Length"))) {
        http_framing_content_length(&request->framing, value);
    } else if (name_is(name, TEXT("Transfer-Encoding"))) {
        http_framing_transfer_encoding(&request->framing, value);
    } else if (name_is(name, TEXT("Content-Type"))) {
        public->content_type = value;
    } else if (name_is(name, TEXT("Idempotency-Key"))) {
        public->idempotency_key = value;
        public->idempotency_key_count++;
    } else if (name_is(name, TEXT("X-Request-Id"))) {
        public->request_id = value;
    }
}

int request_reserve_body(struct request *request, size_t size)
{
    if (size <= request->body_capacity) {
        return 0;
    }
    size_t capacity = request->body_capacity * 2;
    if (capacity < size) {
        capacity = size;
    }
    char *body = realloc(request->public.body, capacity);
    if (body == NULL) {
        return -1;
    }
    request->public.body = body;
    request->body_capacity = capacity;
    return 0;
}

/* A body over the limit is read to its end and thrown away, so that its 413 can be queued (not possible during an
 * upload); over twice the limit the connection is closed. */
int request_add_body(struct request *request, const char *data, size_t len)
{
    struct http_request *public = &request->public;
    if (public->body_len + len > request->body_max) {
        public->refusal = HTTP_BODY_TOO_LARGE;
        public->body_len += len;
        return public->body_len > 2 * request->body_max ? -1 : 0;
    }
    if (request_reserve_body(request, public->body_len + len) != 0) {
        return -1;
    }
    memcpy(public->body + public->body_len, data, len);
    public->body_len += len;
    return 0;
}
