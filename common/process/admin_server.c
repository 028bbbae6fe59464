#include "common/process/admin_server.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/contract/problem.h"
#include "common/http/http_server.h"
#include "common/process/http_access.h"

enum {
    CONNECTIONS_MAX = 64, /* a Prometheus or two, probes, a person */
    IDLE_TIMEOUT_MS = 60 * 1000,
    READ_TIMEOUT_MS = 10 * 1000,
};

struct admin_server {
    struct http_loop *loop;
    struct operator_desk desk;
};

/* What is kept of a request. */
struct admin_request {
    const char *route; /* the endpoint's path */
};

static void log_access(const struct http_request *request, const struct http_response *response)
{
    const struct admin_request *own = request->state;
    http_access_log(&(struct http_access){
        .method = request->method,
        .route = own->route,
        .status = response->status,
        .body_len = response->body.len,
        .duration_us = clock_monotonic_us() - request->complete_us,
        .peer = http_request_peer(request),
    });
}

/* value: NULL for no header. */
static void add_header(struct http_response *response, const char *name, const char *value)
{
    if (value != NULL) {
        response->headers[response->header_count++] = (struct http_header){name, value};
    }
}

/* Answers with what is in request->reply. allow: the value of the Allow header, NULL for none. */
static void reply(struct http_request *request, const struct operator_head *head, const char *allow)
{
    struct http_response response = {
        .status = head->status,
        .content_type = head->content_type,
        .body = {request->reply.data, request->reply.len},
    };
    add_header(&response, "Cache-Control", head->is_cacheable ? NULL : "no-store");
    add_header(&response, "Vary", head->vary);
    add_header(&response, "Allow", allow);
    if (http_access_is_logged()) {
        log_access(request, &response);
    }
    http_reply(request, &response);
}

static void reply_problem(struct http_request *request, int status, const char *slug, const char *title,
                          const char *detail)
{
    problem_write(&request->reply, slug, title, status, detail, NULL);
    const struct operator_head head = {.status = status, .content_type = PROBLEM_CONTENT_TYPE};
    reply(request, &head, status == 405 ? "GET, HEAD" : NULL);
}

/* For operator_desk.reply. */
static void reply_answer(struct http_request *request, const struct operator_head *head)
{
    if (!request->reply.failed) {
        reply(request, head, NULL);
        return;
    }
    buffer_clear(&request->reply, 0);
    reply_problem(request, 500, "out-of-memory", "Out of memory", "The answer did not fit into memory.");
}

/* Says what there is: "There are /health and /metrics here." */
static void refuse_unknown(const struct operator_desk *desk, struct http_request *request)
{
    struct buffer detail;
    buffer_init(&detail);
    for (size_t i = 0; i < desk->count; i++) {
        const char *before = i == 0 ? "There are " : i == desk->count - 1 ? " and " : ", ";
        buffer_append_format(&detail, "%s%s", before, desk->endpoints[i].path);
    }
    buffer_append_text(&detail, TEXT(" here.\0"));
    reply_problem(request, 404, "not-found", "Not found", detail.failed ? "Nothing is here." : detail.data);
    buffer_done(&detail);
}

static void on_request(void *ctx, struct http_request *request)
{
    struct operator_desk *desk = &((struct admin_server *)ctx)->desk;
    const struct operator_endpoint *endpoint = operator_desk_find(desk, request->path);
    struct admin_request *own = request->state;
    own->route = endpoint != NULL ? endpoint->path : "unmatched";
    if (request->refusal == HTTP_MALFORMED) {
        reply_problem(request, 400, "malformed-request", "Malformed request", request->refusal_detail);
    } else if (endpoint == NULL) {
        refuse_unknown(desk, request);
    } else if (request->method != HTTP_GET && request->method != HTTP_HEAD) {
        reply_problem(request, 405, "method-not-allowed", "Method not allowed", "GET and HEAD are allowed here.");
    } else if (request->refusal == HTTP_BODY_TOO_LARGE) {
        reply_problem(request, 413, "body-too-large", "Body too large", "No body is allowed here.");
    } else {
        operator_desk_answer(desk, endpoint, request);
    }
}

static void on_gone(void *ctx, struct http_request *request)
{
    struct admin_server *server = ctx;
    operator_desk_gone(&server->desk, request);
    http_request_release(request);
}

static void on_wake(void *ctx)
{
    struct admin_server *server = ctx;
    operator_desk_turn(&server->desk);
}

/* No body. */
static struct http_allowance on_headers(void *ctx, struct http_request *request)
{
    (void)ctx;
    (void)request;
    return (struct http_allowance){0};
}

struct admin_server *admin_server_create(const char *host, int port, const struct operator_endpoint *endpoints,
                                         size_t count, void *ctx, struct error *error)
{
    struct admin_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    const struct http_loop_options options = {
        .host = host,
        .port = port,
        .max_connections = CONNECTIONS_MAX,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .read_timeout_ms = READ_TIMEOUT_MS,
        .thread_name = "admin",
    };
    const struct http_application application = {
        .ctx = server,
        .request_state_size = sizeof(struct admin_request),
        .on_headers = on_headers,
        .on_request = on_request,
        .on_gone = on_gone,
        .on_wake = on_wake,
    };
    server->loop = http_loop_create(&options, &application, error);
    server->desk = (struct operator_desk){
        .endpoints = endpoints, .count = count, .ctx = ctx, .reply = reply_answer, .http = server->loop};
    if (server->loop == NULL || http_loop_start(server->loop, error) != 0) {
        goto fail;
    }
    return server;

fail:
    admin_server_free(server);
    return NULL;
}

void admin_server_free(struct admin_server *server)
{
    if (server == NULL) {
        return;
    }
    http_loop_free(server->loop);
    operator_desk_done(&server->desk);
    free(server);
}

int admin_server_port(const struct admin_server *server)
{
    return http_loop_port(server->loop);
}

const struct heartbeat *admin_server_heartbeat(const struct admin_server *server)
{
    return http_loop_heartbeat(server->loop);
}
