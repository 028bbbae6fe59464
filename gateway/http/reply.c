#include "gateway/http/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/contract/problem.h"
#include "common/process/http_access.h"
#include "gateway/http/request_fields.h"
#include "gateway/json/status_problem.h"
#include "gateway/pool/channel_pool.h"

enum {
    SECONDS_SIZE = 24,
    MAX_AGE_SIZE = 48,
    MS_PER_SECOND = 1000,
    /* X-Request-Id, Retry-After or Age, Cache-Control, Vary, Access-Control-Allow-Origin and -Expose-Headers */
    OWN_HEADERS = 6,
};

#define JSON_CONTENT_TYPE "application/json"

static const struct {
    int http_status;
    const char *slug;
    const char *title;
} http_problems[] = {
    [PROBLEM_FORBIDDEN] = {403, "forbidden", "Forbidden"},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "Not found"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "method-not-allowed", "Method not allowed"},
    [PROBLEM_CONTENT_TOO_LARGE] = {413, "content-too-large", "Content too large"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported-media-type", "Unsupported media type"},
};

/* The body of an answer that did not fit into memory. */
#define OUT_OF_MEMORY_BODY(status, outcome) \
    TEXT("{\"type\":\"/problems/out-of-memory\",\"title\":\"Out of memory\",\"status\":" #status \
         ",\"detail\":\"the answer did not fit into memory\"" outcome "}")

void reply_add_header(struct request_state *state, const char *name, const char *value)
{
    struct http_response *response = &state->response;
    assert(response->header_count < HTTP_REPLY_HEADERS_MAX - OWN_HEADERS);
    response->headers[response->header_count++] = (struct http_header){name, value};
}

static void add_own_header(struct http_response *response, const char *name, const char *value)
{
    response->headers[response->header_count++] = (struct http_header){name, value};
}

static void add_cors_headers(const struct request_state *state, struct http_response *response)
{
    const struct cors *cors = &state->loop->cors;
    if (cors_varies(cors)) {
        add_own_header(response, "Vary", "Origin");
    }
    const char *origin = cors_allowed_origin(cors, http_request_field(state->request, FIELD_ORIGIN));
    if (origin != NULL) {
        add_own_header(response, "Access-Control-Allow-Origin", origin);
        add_own_header(response, "Access-Control-Expose-Headers", CORS_EXPOSED_HEADERS);
    }
}

void reply_set_freshness(struct request_state *state, int64_t age_ms, int64_t max_age_ms)
{
    assert(age_ms >= 0 && max_age_ms >= 0);
    state->freshness = (struct freshness){.is_told = true, .age_ms = age_ms, .max_age_ms = max_age_ms};
}

/* The values that the headers of an answer point to until it is sent. */
struct own_values {
    char request_id[REQUEST_ID_SIZE];
    char retry_after[SECONDS_SIZE];
    char age[SECONDS_SIZE];
    char max_age[MAX_AGE_SIZE];
};

static int64_t seconds_up(int64_t ms)
{
    return ms / MS_PER_SECOND + (ms % MS_PER_SECOND > 0);
}

/* With an answer to HEAD that says what is fresh now, a cache would renew the answer to GET that it has stored, whose
 * count is another one: we send no validators, by which it could tell (RFC 9111, section 4.3.5). */
static bool may_tell_freshness(const struct request_state *state)
{
    return state->request->method == HTTP_GET;
}

/* What was asked with credentials is not for others, but must-revalidate would let shared caches give it to them
 * (RFC 9111, section 3.5). */
static bool is_authorized(const struct request_state *state)
{
    return http_request_field(state->request, FIELD_AUTHORIZATION).data != NULL;
}

/* Not by printf, which took a fiftieth of the time of an answer from the cache. must-revalidate: a cache that cannot
 * reach us may not give it for longer either. */
static void put_max_age(char *out, int64_t seconds)
{
    static const char before[] = "max-age=";
    static const char after[] = ", must-revalidate";
    memcpy(out, before, sizeof(before) - 1);
    memcpy(decimal_put(out + sizeof(before) - 1, seconds), after, sizeof(after));
}

static void add_cache_headers(const struct request_state *state, struct http_response *response,
                              struct own_values *values)
{
    const struct freshness *freshness = &state->freshness;
    const bool is_told = response->status == 200 && freshness->is_told && may_tell_freshness(state);
    const bool may_be_kept =
        freshness->max_age_ms >= MS_PER_SECOND && freshness->age_ms < freshness->max_age_ms && !is_authorized(state);
    if (is_told) {
        *decimal_put(values->age, seconds_up(freshness->age_ms)) = '\0';
        add_own_header(response, "Age", values->age);
    }
    if (is_told && may_be_kept) {
        put_max_age(values->max_age, freshness->max_age_ms / MS_PER_SECOND);
        add_own_header(response, "Cache-Control", values->max_age);
    } else if (!state->is_cacheable) {
        add_own_header(response, "Cache-Control", "no-store");
    }
}

static void log_access(const struct request_state *state, const struct http_response *response, const char *request_id,
                       int64_t duration_us)
{
    const struct route *route = state->match.route;
    http_access_log(&(struct http_access){
        .method = state->request->method,
        .route = route != NULL ? route->pattern : ROUTE_UNMATCHED,
        .status = response->status,
        .body_len = response->body.len,
        .duration_us = duration_us,
        .peer = http_request_peer(state->request),
        .request_id = request_id,
        .trace = state->trace.step.context.is_sampled ? &state->trace.step.context : NULL,
    });
}

static void send_answer(struct request_state *state, int http_status, const char *content_type, struct text body)
{
    struct loop_context *loop = state->loop;
    struct http_request *request = state->request;
    struct http_response response = state->response;
    struct own_values values;
    response.status = http_status;
    response.content_type = content_type;
    response.body = body;
    request_id_write(&loop->prng, http_request_field(request, FIELD_REQUEST_ID), values.request_id);
    add_own_header(&response, "X-Request-Id", values.request_id);
    add_cache_headers(state, &response, &values);
    if (loop->cors.count > 0) {
        add_cors_headers(state, &response);
    }
    if (http_status == 503) {
        snprintf(values.retry_after, sizeof(values.retry_after), "%d", channel_pool_retry_after_s(loop->pool));
        add_own_header(&response, "Retry-After", values.retry_after);
    }
    const int64_t duration_us = clock_monotonic_us() - request->complete_us + request->held_us;
    request_metrics_answered(&loop->metrics, state->match.route, request->method, http_status, duration_us,
                             &state->trace.step.context);
    if (http_access_is_logged()) {
        log_access(state, &response, values.request_id, duration_us);
    }
    request_trace_end(state, http_status);
    request_state_end(state);
    http_reply(request, &response);
}

/* A write that was submitted may be applied: so a 503, which says that it was not, could be false. */
static void send_out_of_memory(struct request_state *state)
{
    if (!request_is_write(state)) {
        send_answer(state, 503, PROBLEM_CONTENT_TYPE, OUT_OF_MEMORY_BODY(503, ""));
    } else if (state->is_submitted) {
        send_answer(state, 504, PROBLEM_CONTENT_TYPE, OUT_OF_MEMORY_BODY(504, ",\"outcome\":\"unknown\""));
    } else {
        send_answer(state, 503, PROBLEM_CONTENT_TYPE, OUT_OF_MEMORY_BODY(503, ",\"outcome\":\"not_applied\""));
    }
}

static void send_reply_buffer(struct request_state *state, int http_status, const char *content_type)
{
    const struct buffer *reply = &state->request->reply;
    if (reply->failed) {
        send_out_of_memory(state);
    } else {
        send_answer(state, http_status, content_type, (struct text){reply->data, reply->len});
    }
}

void reply_json(struct request_state *state, int http_status)
{
    send_reply_buffer(state, http_status, JSON_CONTENT_TYPE);
}

void reply_document(struct request_state *state, int http_status, const char *content_type, bool is_cacheable)
{
    state->is_cacheable = is_cacheable && !state->request->reply.failed;
    send_reply_buffer(state, http_status, content_type);
}

void reply_options(struct request_state *state, const char *allow)
{
    const struct http_request *request = state->request;
    const bool is_preflight = http_request_field(request, FIELD_REQUESTED_METHOD).data != NULL;
    reply_add_header(state, "Allow", allow);
    if (is_preflight && cors_allowed_origin(&state->loop->cors, http_request_field(request, FIELD_ORIGIN)) != NULL) {
        reply_add_header(state, "Access-Control-Allow-Methods", allow);
        reply_add_header(state, "Access-Control-Allow-Headers", CORS_ALLOWED_HEADERS);
        reply_add_header(state, "Access-Control-Max-Age", CORS_MAX_AGE);
    }
    send_answer(state, 204, NULL, TEXT(""));
}

/* The reply buffer, emptied for a problem: it may hold half an answer, or one that did not fit into memory. */
static struct buffer *emptied_reply(struct request_state *state)
{
    struct buffer *reply = &state->request->reply;
    reply->len = 0;
    reply->failed = false;
    return reply;
}

void reply_problem(struct request_state *state, enum status status, const char *detail)
{
    status_problem_write(emptied_reply(state), status, detail, request_is_write(state));
    send_reply_buffer(state, status_http_code(status), PROBLEM_CONTENT_TYPE);
}

void reply_http_problem(struct request_state *state, enum http_problem problem, const char *detail)
{
    const int http_status = http_problems[problem].http_status;
    problem_write(emptied_reply(state), http_problems[problem].slug, http_problems[problem].title, http_status, detail,
                  request_is_write(state) ? outcome_name(OUTCOME_NOT_APPLIED) : NULL);
    send_reply_buffer(state, http_status, PROBLEM_CONTENT_TYPE);
}
