#include "gateway/api/dispatcher.h"

#include "gateway/api/counter_handlers.h"
#include "gateway/api/list_handler.h"
#include "gateway/api/media_type.h"
#include "gateway/api/operator_handlers.h"
#include "gateway/api/page_handlers.h"
#include "gateway/api/ranking_handlers.h"
#include "gateway/http/admission.h"
#include "gateway/http/reply.h"
#include "gateway/http/request_fields.h"

#define OPERATOR_ROUTE(path, content_type, is_cacheable, write) {HTTP_GET, path, ROUTE_NO_BODY, false, handle_operator},

/* The busiest first. */
static const struct route routes[] = {
    /* method, path, body, is_write (its problems tell the outcome), handler */
    {HTTP_POST, "/api/v1/counter/increment", ROUTE_BODY, true, handle_increment},
    {HTTP_POST, "/api/v1/counter/increment/batch", ROUTE_BATCH_BODY, true, handle_increment_batch},
    {HTTP_POST, "/api/v1/counter/batch", ROUTE_BATCH_BODY, false, handle_get_batch},
    {HTTP_GET, "/api/v1/counter/{resource_id}/{counter_type}", ROUTE_NO_BODY, false, handle_get},
    {HTTP_GET, "/api/v1/counter/{resource_id}", ROUTE_NO_BODY, false, handle_list},
    {HTTP_GET, "/api/v1/rankings/{counter_type}", ROUTE_NO_BODY, false, handle_top},
    {HTTP_GET, "/api/v1/rankings/{counter_type}/{resource_id}", ROUTE_NO_BODY, false, handle_rank},
    {HTTP_GET, PAGE_PATH, ROUTE_NO_BODY, false, handle_page},
    {HTTP_GET, PAGE_STYLE_PATH, ROUTE_NO_BODY, false, handle_page},
    {HTTP_GET, PAGE_SCRIPT_PATH, ROUTE_NO_BODY, false, handle_page},
    {HTTP_GET, PAGE_DATA_PATH, ROUTE_NO_BODY, false, handle_page},
    /* what operators ask for: operator_handlers.h */
    OPERATOR_ENDPOINTS(OPERATOR_ROUTE)};

enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };

_Static_assert((int)ROUTE_COUNT < (int)METRIC_ROUTES_MAX, "request_metrics needs a place for each");

const struct route *dispatcher_routes(size_t *ret_count)
{
    *ret_count = ROUTE_COUNT;
    return routes;
}

static size_t body_max_of(const struct loop_context *loop, const struct route *route)
{
    return route != NULL && route->body == ROUTE_BATCH_BODY ? HTTP_BATCH_BODY_MAX : loop->max_body;
}

struct http_allowance dispatcher_on_headers(void *loop_context, struct http_request *request)
{
    const struct loop_context *loop = loop_context;
    const struct route *route =
        request->method == HTTP_POST ? router_match(routes, ROUTE_COUNT, HTTP_POST, request->path).route : NULL;
    return (struct http_allowance){.body_max = body_max_of(loop, route)};
}

static void refuse_unmatched(struct request_state *state)
{
    const char *allow = router_allow(routes, ROUTE_COUNT, state->request->path);
    if (allow == NULL) {
        reply_http_problem(state, PROBLEM_NOT_FOUND, "there is nothing at this path: /openapi.yaml says what is where");
        return;
    }
    reply_add_header(state, "Allow", allow);
    reply_http_problem(state, PROBLEM_METHOD_NOT_ALLOWED, "this path does not take this method: see the Allow header");
}

static void refuse_media_type(struct request_state *state, const char *detail)
{
    /* RFC 9110, section 15.5.16: it says what would have been taken. */
    reply_add_header(state, "Accept-Encoding", "identity");
    reply_http_problem(state, PROBLEM_UNSUPPORTED_MEDIA_TYPE, detail);
}

/* RFC 9110, section 9.3.7. Browsers ask so too, before they let a page call. */
static void answer_options(struct request_state *state)
{
    const struct text path = state->request->path;
    const char *allow =
        text_equal(path, TEXT("*")) ? "GET, HEAD, POST, OPTIONS" : router_allow(routes, ROUTE_COUNT, path);
    if (allow != NULL) {
        reply_options(state, allow);
    } else {
        refuse_unmatched(state);
    }
}

/* Refuses a body that is not coded as the route takes it; else calls the handler. */
static void handle_by_route(struct request_state *state)
{
    const struct route *route = state->match.route;
    const struct http_request *request = state->request;
    const char *broken = route->body == ROUTE_NO_BODY
                             ? NULL
                             : media_type_check_json(http_request_field(request, FIELD_CONTENT_TYPE),
                                                     http_request_field(request, FIELD_CONTENT_ENCODING));
    if (broken != NULL) {
        refuse_media_type(state, broken);
    } else {
        route->handle(state);
    }
}

static bool is_for_operators(const struct route *route)
{
    return route->handle == handle_operator || route->handle == handle_page;
}

void dispatcher_handle(struct loop_context *loop, struct http_request *request)
{
    struct request_state *state = request_state_begin(loop, request);
    state->match = router_match(routes, ROUTE_COUNT, request->method, request->path);
    const struct route *route = state->match.route;
    if (route == NULL || !is_for_operators(route)) { /* nobody looks for those who look */
        request_trace_begin(state);
    }
    if (request->refusal == HTTP_MALFORMED) {
        reply_problem(state, STATUS_INVALID_ARGUMENT, request->refusal_detail);
    } else if (request->method == HTTP_OPTIONS) {
        answer_options(state);
    } else if (route == NULL) {
        refuse_unmatched(state);
    } else if (request->refusal == HTTP_BODY_TOO_LARGE) {
        reply_http_problem(state, PROBLEM_CONTENT_TOO_LARGE,
                           operation_list_sentence(&state->operations, "the body must be at most %zu bytes",
                                                   body_max_of(loop, route)));
    } else if (request->refusal == HTTP_OVER_BUDGET) {
        admission_over_budget(state);
    } else {
        handle_by_route(state);
    }
}

void dispatcher_on_gone(void *loop_context, struct http_request *request)
{
    (void)loop_context;
    request_wait_abandon(request->state);
}
