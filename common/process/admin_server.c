#include "common/process/admin_server.h"

#include <stdlib.h>

#include "common/contract/problem.h"
#include "common/http/http_server.h"
#include "common/metrics/metrics.h"

enum {
    CONNECTIONS_MAX = 64, /* a Prometheus or two, probes, a person */
    IDLE_TIMEOUT_MS = 60 * 1000,
    READ_TIMEOUT_MS = 10 * 1000,
};

struct admin_server {
    struct http_loop *loop;
    admin_health health;
    void *health_ctx;
};

/* A path and what answers it: fills request->reply and returns the HTTP status. */
struct endpoint {
    struct text path;
    int (*write)(const struct admin_server *server, struct buffer *out);
    const char *content_type;
};

static int write_health(const struct admin_server *server, struct buffer *out)
{
    return server->health(server->health_ctx, out);
}

static int write_metrics(const struct admin_server *server, struct buffer *out)
{
    (void)server;
    return metrics_render(out) == 0 ? 200 : 500;
}

static const struct endpoint endpoints[] = {
    {{"/health", sizeof("/health") - 1}, write_health, "application/json"},
    {{"/metrics", sizeof("/metrics") - 1}, write_metrics, METRICS_CONTENT_TYPE},
};

static const struct endpoint *find_endpoint(struct text path)
{
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (text_equal(endpoints[i].path, path)) {
            return &endpoints[i];
        }
    }
    return NULL;
}

/* Answers with what is in request->reply. allow: the value of the Allow header, NULL for none. */
static void reply(struct http_request *request, int status, const char *content_type, const char *allow)
{
    struct http_response response = {
        .status = status,
        .content_type = content_type,
        .body = {request->reply.data, request->reply.len},
    };
    response.headers[response.header_count++] = (struct http_header){"Cache-Control", "no-store"};
    if (allow != NULL) {
        response.headers[response.header_count++] = (struct http_header){"Allow", allow};
    }
    http_reply(request, &response);
}

static void reply_problem(struct http_request *request, int status, const char *slug, const char *title,
                          const char *detail)
{
    problem_write(&request->reply, slug, title, status, detail, NULL);
    reply(request, status, PROBLEM_CONTENT_TYPE, status == 405 ? "GET, HEAD" : NULL);
}

static void reply_from(const struct endpoint *endpoint, const struct admin_server *server, struct http_request *request)
{
    const int status = endpoint->write(server, &request->reply);
    if (!request->reply.failed) {
        reply(request, status, endpoint->content_type, NULL);
        return;
    }
    buffer_clear(&request->reply, 0);
    reply_problem(request, 500, "out-of-memory", "Out of memory", "The answer did not fit into memory.");
}

static void on_request(void *ctx, struct http_request *request)
{
    const struct endpoint *endpoint = find_endpoint(request->path);
    if (request->refusal == HTTP_MALFORMED) {
        reply_problem(request, 400, "malformed-request", "Malformed request", request->refusal_detail);
    } else if (endpoint == NULL) {
        reply_problem(request, 404, "not-found", "Not found", "There are /health and /metrics here.");
    } else if (request->method != HTTP_GET && request->method != HTTP_HEAD) {
        reply_problem(request, 405, "method-not-allowed", "Method not allowed", "GET and HEAD are allowed here.");
    } else if (request->refusal == HTTP_BODY_TOO_LARGE) {
        reply_problem(request, 413, "body-too-large", "Body too large", "No body is allowed here.");
    } else {
        reply_from(endpoint, ctx, request);
    }
}

/* No body. */
static struct http_allowance on_headers(void *ctx, struct http_request *request)
{
    (void)ctx;
    (void)request;
    return (struct http_allowance){0};
}

struct admin_server *admin_server_create(const char *host, int port, admin_health health, void *health_ctx,
                                         struct error *error)
{
    struct admin_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    server->health = health;
    server->health_ctx = health_ctx;
    const struct http_loop_options options = {
        .host = host,
        .port = port,
        .max_connections = CONNECTIONS_MAX,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .read_timeout_ms = READ_TIMEOUT_MS,
        .thread_name = "admin",
    };
    const struct http_application application = {.ctx = server, .on_headers = on_headers, .on_request = on_request};
    server->loop = http_loop_create(&options, &application, error);
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
