#include "common/consul/consul_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/consul/consul_reply.h"
#include "common/net/http_client.h"

enum {
    /* 64 instances with their checks are 0.1 MiB. */
    BODY_MAX = 1024 * 1024,
    BODY_KEEP_BYTES = 64 * 1024,
    PATH_SIZE = 512,
    QUOTED_LEN_MAX = 200,
    REQUEST_TIMEOUT_MS = 2000,
    /* The agent spreads its answers over another 1/16 of the wait. */
    WAITING_TIMEOUT_MS = CONSUL_AGENT_WAIT_MS + CONSUL_AGENT_WAIT_MS / 16 + REQUEST_TIMEOUT_MS,
};

struct consul_agent {
    struct http_client *client;
    char *address;
    char *token_header; /* NULL: none is sent */
};

static char *token_header(const char *token)
{
    char *header;
    return asprintf(&header, "X-Consul-Token: %s", token) < 0 ? NULL : header;
}

struct consul_agent *consul_agent_create(const char *address, const char *token)
{
    struct consul_agent *agent = calloc(1, sizeof(*agent));
    if (agent == NULL) {
        return NULL;
    }
    const bool has_token = token[0] != '\0';
    agent->client = http_client_create();
    agent->address = strdup(address);
    agent->token_header = has_token ? token_header(token) : NULL;
    if (agent->client == NULL || agent->address == NULL || (has_token && agent->token_header == NULL)) {
        consul_agent_free(agent);
        return NULL;
    }
    return agent;
}

void consul_agent_free(struct consul_agent *agent)
{
    if (agent != NULL) {
        http_client_free(agent->client);
        free(agent->address);
        free(agent->token_header);
        free(agent);
    }
}

void consul_agent_cancel(struct consul_agent *agent)
{
    http_client_cancel(agent->client);
}

/* --- any request -------------------------------------------------------------------------------------------------- */

static int send_request(struct consul_agent *agent, const char *path, struct http_client_request *request,
                        struct http_client_answer *ret_answer, struct buffer *ret_body, struct error *error)
{
    char url[HOST_SIZE + PATH_SIZE];
    if ((size_t)snprintf(url, sizeof(url), "http://%s%s", agent->address, path) >= sizeof(url)) {
        error_set(error, "the path %s is too long", path);
        return -1;
    }
    const char *headers[2];
    size_t header_count = 0;
    if (request->method == HTTP_CLIENT_PUT) {
        headers[header_count++] = "Content-Type: application/json";
    }
    if (agent->token_header != NULL) {
        headers[header_count++] = agent->token_header;
    }
    request->headers = headers;
    request->header_count = header_count;
    request->url = url;
    request->body_max = BODY_MAX;
    const int result = http_client_request(agent->client, request, ret_answer, ret_body, error);
    request->url = NULL;
    request->headers = NULL;
    return result;
}

/* Like send_request, and only the status 200 and other_status mean something. */
static int send_checked(struct consul_agent *agent, const char *path, struct http_client_request *request,
                        int other_status, struct http_client_answer *ret_answer, struct buffer *ret_body,
                        struct error *error)
{
    if (send_request(agent, path, request, ret_answer, ret_body, error) != 0) {
        return -1;
    }
    if (ret_answer->status == 200 || ret_answer->status == other_status) {
        return 0;
    }
    const int len = (int)(ret_body->len < QUOTED_LEN_MAX ? ret_body->len : QUOTED_LEN_MAX);
    error_set(error, "%s: status %d: %.*s", path, ret_answer->status, len, len == 0 ? "" : ret_body->data);
    return -1;
}

/* A GET whose answer's body does not matter. */
static int get(struct consul_agent *agent, const char *path, int other_status, struct http_client_answer *ret_answer,
               struct error *error)
{
    struct http_client_request request = {.timeout_ms = REQUEST_TIMEOUT_MS};
    struct buffer body;
    buffer_init(&body);
    const int result = send_checked(agent, path, &request, other_status, ret_answer, &body, error);
    buffer_done(&body);
    return result;
}

static int put(struct consul_agent *agent, const char *path, struct text body, int timeout_ms, struct error *error)
{
    struct http_client_request request = {.method = HTTP_CLIENT_PUT, .body = body, .timeout_ms = timeout_ms};
    struct http_client_answer answer;
    struct buffer said;
    buffer_init(&said);
    const int result = send_checked(agent, path, &request, 200, &answer, &said, error);
    buffer_done(&said);
    return result;
}

/* --- the requests ------------------------------------------------------------------------------------------------- */

int consul_agent_own_host(struct consul_agent *agent, char out[HOST_SIZE], struct error *error)
{
    struct http_client_answer answer;
    /* Any request would do; this one needs no permission. */
    if (get(agent, "/v1/status/leader", 200, &answer, error) != 0) {
        return -1;
    }
    if (!host_is_valid(answer.local_address)) {
        error_set(error, "this end of the connection has no address: consul.advertise_host must name one");
        return -1;
    }
    snprintf(out, HOST_SIZE, "%s", answer.local_address);
    return 0;
}

int consul_agent_register(struct consul_agent *agent, const char *json, struct error *error)
{
    return put(agent, "/v1/agent/service/register?replace-existing-checks=true", text_of(json), REQUEST_TIMEOUT_MS,
               error);
}

int consul_agent_knows(struct consul_agent *agent, const char *id, bool *ret_is_known, struct error *error)
{
    char path[PATH_SIZE];
    struct http_client_answer answer;
    snprintf(path, sizeof(path), "/v1/agent/service/%s", id);
    if (get(agent, path, 404, &answer, error) != 0) {
        return -1;
    }
    *ret_is_known = answer.status == 200;
    return 0;
}

int consul_agent_deregister(struct consul_agent *agent, const char *id, int timeout_ms, struct error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "/v1/agent/service/deregister/%s", id);
    return put(agent, path, TEXT(""), timeout_ms, error);
}

int consul_agent_instances(struct consul_agent *agent, const char *service, uint64_t *index, struct buffer *ret_body,
                           struct error *error)
{
    char path[PATH_SIZE];
    struct http_client_request request = {
        .timeout_ms = *index == 0 ? REQUEST_TIMEOUT_MS : WAITING_TIMEOUT_MS,
        .wanted_header = "X-Consul-Index",
    };
    struct http_client_answer answer;
    snprintf(path, sizeof(path), "/v1/health/service/%s?passing=true&index=%llu&wait=%dms", service,
             (unsigned long long)*index, CONSUL_AGENT_WAIT_MS);
    buffer_clear(ret_body, BODY_KEEP_BYTES);
    if (send_checked(agent, path, &request, 200, &answer, ret_body, error) != 0) {
        return -1;
    }
    *index = consul_reply_next_index(*index, answer.header);
    return 0;
}
