/* The gateway between HTTP server and batcher, with fakes for what is around: requests go in by dispatcher_handle,
 * answers and submitted operations are kept for the test to look at. A test program includes this once; the fakes are
 * then linked instead of the real modules. */
#ifndef TALLY_TESTS_FAKES_GATEWAY_FIXTURE_H
#define TALLY_TESTS_FAKES_GATEWAY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/contract/grpc_message.h"
#include "common/http/http_peer.h"
#include "gateway/api/dispatcher.h"
#include "gateway/api/gateway_health.h"
#include "gateway/api/operator_handlers.h"
#include "gateway/cache/read_cache.h"
#include "gateway/http/loop_context.h"
#include "gateway/http/request_fields.h"
#include "gateway/pool/channel_pool.h"
#include "tally/v1/counter.pb-c.h"
#include "tests/fakes/metrics_text.h"

#define FIXTURE_STORE "0123456789abcdef0123456789abcdef"
#define LIKE "{\"resource_id\":\"a\",\"counter_type\":\"like\"}"

enum { REQUESTS = 3, MAX_BODY = 1024, MAX_PENDING = 2, TIMEOUT_US = 2000000 };

/* What a fake HTTP server, batcher and client saw. */
struct fixture {
    struct loop_context context;
    struct gateway_health health;
    struct http_request requests[REQUESTS];
    char *bodies[REQUESTS];
    const char *query; /* of the last request */
    /* header fields that are not among request_fields: name and value; NULL behind the last */
    const char *fields[3][2];
    bool is_remote; /* the caller is not at a loopback address */
    /* the last answer */
    int status; /* 0: none yet */
    char content_type[64];
    char body[64 * 1024];
    char headers[HTTP_REPLY_HEADERS_MAX][2][320];
    size_t header_count;
    unsigned replies;
    unsigned releases;
    unsigned wakes;
    /* the batcher */
    struct submission *submitted; /* the last one */
    enum status submit_status;
    unsigned submits;
    int64_t late_us; /* so long before their results the RPCs of operations were sent */
    /* the client */
    client_call_done on_done;
    void *on_done_ctx;
    struct arena arena; /* of what was asked */
    enum counter_rpc rpc;
    const ProtobufCMessage *asked; /* the last call's message */
    char listed[300];              /* of a ListCounters */
    const char *said;              /* with its failure; NULL: nothing */
    unsigned calls;
    bool call_abandoned;
    bool is_ready;
    bool has_strangers; /* besides the instance: one of another store, one that tells none */
    int retry_after_s;
};

static int max_staleness_ms;    /* of the fixtures to come; 0: single reads are not kept */
static struct fixture *fixture; /* of the running test: the fakes have no context of their own */

/* --- fakes -------------------------------------------------------------------------------------------------------- */

void http_reply(struct http_request *request, const struct http_response *response)
{
    assert_non_null(request);
    fixture->status = response->status;
    snprintf(fixture->content_type, sizeof(fixture->content_type), "%s", response->content_type);
    assert_true(response->body.len < sizeof(fixture->body));
    memcpy(fixture->body, response->body.data, response->body.len);
    fixture->body[response->body.len] = '\0';
    fixture->header_count = response->header_count;
    for (size_t i = 0; i < response->header_count; i++) {
        snprintf(fixture->headers[i][0], sizeof(fixture->headers[i][0]), "%s", response->headers[i].name);
        snprintf(fixture->headers[i][1], sizeof(fixture->headers[i][1]), "%s", response->headers[i].value);
    }
    fixture->replies++;
}

int http_request_query(const struct http_request *request, char *out, size_t size)
{
    assert_non_null(request);
    const size_t len = strlen(fixture->query);
    if (len > size) {
        return -1;
    }
    memcpy(out, fixture->query, len);
    return (int)len;
}

struct http_peer http_request_peer(const struct http_request *request)
{
    assert_non_null(request);
    return fixture->is_remote ? (struct http_peer){.address = "192.0.2.7"}
                              : (struct http_peer){.address = "127.0.0.1", .is_loopback = true};
}

const char *http_request_any_field(const struct http_request *request, const char *name)
{
    assert_true(request != NULL && name != NULL);
    for (size_t i = 0; fixture->fields[i][0] != NULL; i++) {
        if (strcmp(fixture->fields[i][0], name) == 0) {
            return fixture->fields[i][1];
        }
    }
    return NULL;
}

void http_request_whole_field(const struct http_request *request, const char *name, struct buffer *out)
{
    const char *value = http_request_any_field(request, name);
    if (value != NULL) {
        buffer_append_text(out, text_of(value));
    }
}

int http_request_socket(const struct http_request *request)
{
    assert_non_null(request);
    return -1;
}

void http_request_expect(struct http_request *request, int answer_timeout_ms)
{
    assert_true(request != NULL && answer_timeout_ms >= 0);
}

void http_request_release(struct http_request *request)
{
    assert_non_null(request);
    fixture->releases++;
}

void http_loop_wake(struct http_loop *loop)
{
    (void)loop;
    fixture->wakes++;
}

enum status batcher_submit(struct batcher *batcher, struct submission *submission)
{
    (void)batcher;
    fixture->submitted = submission;
    fixture->submits++;
    return fixture->submit_status;
}

int64_t batcher_too_late_us(const struct batcher *batcher, int64_t now_us)
{
    (void)batcher;
    return now_us;
}

struct client_call *client_call_start(struct counter_client *client, const struct client_call_options *options,
                                      grpc_byte_buffer *message, int64_t now_us)
{
    static const ProtobufCMessageDescriptor *const descriptors[COUNTER_RPCS] = {
        [COUNTER_RPC_LIST_COUNTERS] = &tally__v1__list_counters_request__descriptor,
        [COUNTER_RPC_TOP_COUNTERS] = &tally__v1__top_counters_request__descriptor,
        [COUNTER_RPC_RANK_OF] = &tally__v1__rank_of_request__descriptor,
    };
    (void)client;
    assert_non_null(descriptors[options->rpc]);
    assert_true(options->deadline_us > now_us);
    fixture->rpc = options->rpc;
    fixture->calls++;
    fixture->asked = grpc_message_unpack(descriptors[options->rpc], message, &fixture->arena);
    assert_non_null(fixture->asked);
    grpc_byte_buffer_destroy(message);
    if (options->rpc == COUNTER_RPC_LIST_COUNTERS) {
        const Tally__V1__ListCountersRequest *list = (const Tally__V1__ListCountersRequest *)fixture->asked;
        snprintf(fixture->listed, sizeof(fixture->listed), "%.*s", (int)list->resource_id.len,
                 (const char *)list->resource_id.data);
    }
    fixture->on_done = options->on_done;
    fixture->on_done_ctx = options->ctx;
    return (struct client_call *)fixture; /* only its address matters */
}

void client_call_abandon(struct client_call *call)
{
    assert_ptr_equal(call, fixture);
    fixture->call_abandoned = true;
}

struct text client_call_said(const struct client_call *call)
{
    assert_ptr_equal(call, fixture);
    return text_of(fixture->said != NULL ? fixture->said : "");
}

unsigned client_call_attempts(const struct client_call *call)
{
    assert_ptr_equal(call, fixture);
    return 1;
}

bool channel_pool_is_ready(struct channel_pool *pool)
{
    (void)pool;
    return fixture->is_ready;
}

int channel_pool_retry_after_s(struct channel_pool *pool)
{
    (void)pool;
    return fixture->retry_after_s;
}

int channel_pool_set_targets(struct channel_pool *pool, const char *const *targets, size_t target_count)
{
    (void)pool;
    (void)targets;
    (void)target_count;
    return 0;
}

size_t channel_pool_describe(struct channel_pool *pool, struct channel_pool_instance *instances, size_t max)
{
    (void)pool;
    assert_true(max > 0);
    instances[0] = (struct channel_pool_instance){.target = "localhost:50051",
                                                  .ready_channels = fixture->is_ready ? 20 : 0,
                                                  .channels = 20,
                                                  .serving = fixture->is_ready,
                                                  .store = FIXTURE_STORE,
                                                  .store_relation = STORE_SAME,
                                                  .takes_calls = fixture->is_ready,
                                                  .last_change_us = 1700000000123456};
    if (fixture->has_strangers && max >= 3) {
        instances[1] = instances[2] = instances[0];
        snprintf(instances[1].target, HOST_PORT_SIZE, "10.0.0.1:50051");
        instances[1].store_relation = STORE_OTHER;
        instances[1].takes_calls = false;
        snprintf(instances[2].target, HOST_PORT_SIZE, "10.0.0.2:50051");
        instances[2].store[0] = '\0';
        instances[2].store_relation = STORE_UNKNOWN;
        instances[2].takes_calls = false;
        return 3;
    }
    return 1;
}

void channel_pool_want_reports(struct channel_pool *pool)
{
    (void)pool;
}

int64_t channel_pool_read_report(struct channel_pool *pool, const char *target, struct buffer *out)
{
    (void)pool;
    assert_true(target != NULL && out != NULL);
    return -1;
}

void channel_pool_read_store(struct channel_pool *pool, char out[STORE_ID_SIZE])
{
    (void)pool;
    memcpy(out, FIXTURE_STORE, STORE_ID_SIZE);
}

static const struct config no_config; /* what the loop's handlers see of it */

/* --- fixture ------------------------------------------------------------------------------------------------------ */

static inline int set_up(void **state)
{
    (void)state;
    fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->is_ready = true;
    fixture->retry_after_s = 1;
    arena_init(&fixture->arena);
    gateway_health_init(&fixture->health, NULL, NULL);
    const struct config config = {
        .server = {.request_timeout_ms = TIMEOUT_US / 1000, .max_body = MAX_BODY, .max_pending = MAX_PENDING},
        .grpc.counter_service.window = MAX_PENDING,
        .cache = {.max_staleness_ms = max_staleness_ms, .max_entries = 100},
    };
    size_t route_count;
    const struct route *routes = dispatcher_routes(&route_count);
    loop_context_init(&fixture->context, &config, routes, route_count, NULL);
    fixture->context.health = &fixture->health;
    fixture->context.config = &no_config;
    fixture->context.read_cache = read_cache_create(&config);
    assert_non_null(fixture->context.read_cache);
    operator_handlers_init(&fixture->context.operators, &fixture->health, NULL);
    for (size_t i = 0; i < REQUESTS; i++) {
        fixture->requests[i].state = calloc(1, sizeof(struct request_state));
        buffer_init(&fixture->requests[i].reply);
    }
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    request_wait_abort_all(&fixture->context.lone_calls);
    request_wait_abort_all(&fixture->context.line);
    for (size_t i = 0; i < REQUESTS; i++) {
        request_state_done(&fixture->context, fixture->requests[i].state);
        free(fixture->requests[i].state);
        free(fixture->bodies[i]);
        buffer_done(&fixture->requests[i].reply);
    }
    read_cache_free(fixture->context.read_cache);
    loop_context_done(&fixture->context);
    arena_done(&fixture->arena);
    free(fixture);
    return 0;
}

/* A request as the HTTP server would reset it. target: a path, and perhaps a query. */
static inline struct http_request *prepare(size_t index, enum http_method method, const char *target)
{
    struct http_request *request = &fixture->requests[index];
    const size_t path_len = strcspn(target, "?");
    fixture->query = target + path_len + (target[path_len] == '?' ? 1 : 0);
    buffer_clear(&request->reply, SIZE_MAX);
    *request = (struct http_request){
        .method = method,
        .path = {target, path_len},
        .fields = {[FIELD_CONTENT_TYPE] = {TEXT("application/json"), 1}},
        .complete_us = clock_monotonic_us(),
        .reply = request->reply,
        .state = request->state,
    };
    fixture->status = 0;
    return request;
}

/* Its only one of that name. */
static inline void set_field(struct http_request *request, enum request_field field, struct text value)
{
    request->fields[field] = (struct http_field){value, 1};
}

static inline void set_body(size_t index, const char *body)
{
    struct http_request *request = &fixture->requests[index];
    request->body_len = strlen(body);
    free(fixture->bodies[index]);
    fixture->bodies[index] = malloc(request->body_len + 1);
    memcpy(fixture->bodies[index], body, request->body_len);
    request->body = fixture->bodies[index];
}

static inline void handle(struct http_request *request)
{
    dispatcher_handle(&fixture->context, request);
}

static inline void post(const char *path, const char *body)
{
    struct http_request *request = prepare(0, HTTP_POST, path);
    set_body(0, body);
    handle(request);
}

/* To one of the calls that carry many operations: so many. */
static inline void post_batch(size_t index, const char *path, size_t count)
{
    char body[64 * 1024];
    snprintf(body, sizeof(body), "{\"%s\":[", strstr(path, "increment") != NULL ? "increments" : "queries");
    for (size_t i = 0; i < count; i++) {
        strncat(body, i == 0 ? LIKE : "," LIKE, sizeof(body) - strlen(body) - 1);
    }
    strncat(body, "]}", sizeof(body) - strlen(body) - 1);
    struct http_request *request = prepare(index, HTTP_POST, path);
    set_body(index, body);
    handle(request);
}

static inline void get(const char *path)
{
    handle(prepare(0, HTTP_GET, path));
}

/* Two moments that the clock does not tell apart are none of a test's. */
static inline int64_t next_boottime_us(void)
{
    const int64_t before_us = clock_boottime_us();
    int64_t now_us;
    do {
        now_us = clock_boottime_us();
    } while (now_us == before_us);
    return now_us;
}

/* The batcher's answer to the operation that it was given last. */
static inline void finish(enum status status, int64_t value, bool replayed)
{
    struct submission *request = fixture->submitted;
    for (size_t i = 0; i < request->operation_count; i++) {
        struct operation *operation = &request->operations[i];
        if (!operation->done) {
            operation->status = status;
            operation->value = value;
            operation->replayed = replayed;
            operation->asked_us = next_boottime_us() - fixture->late_us;
            operation->done = true;
        }
    }
    request->on_done(request);
}

static inline const char *header(const char *name)
{
    for (size_t i = 0; i < fixture->header_count; i++) {
        if (strcmp(fixture->headers[i][0], name) == 0) {
            return fixture->headers[i][1];
        }
    }
    return NULL;
}

static inline void assert_answer(int status, const char *content_type, const char *body)
{
    assert_int_equal(fixture->status, status);
    assert_string_equal(fixture->content_type, content_type);
    assert_string_equal(fixture->body, body);
    assert_non_null(header("X-Request-Id"));
}

static inline void assert_problem(int status, const char *part)
{
    assert_int_equal(fixture->status, status);
    assert_string_equal(fixture->content_type, "application/problem+json");
    if (strstr(fixture->body, part) == NULL) {
        fail_msg("no %s in %s", part, fixture->body);
    }
}

/* The client's end of the call that was started last. response: the message of STATUS_OK; else NULL. */
static inline void finish_call(enum status status, const ProtobufCMessage *response)
{
    grpc_byte_buffer *reply = response != NULL ? grpc_message_pack(response) : NULL;
    fixture->on_done(fixture->on_done_ctx, status, reply);
    grpc_byte_buffer_destroy(reply);
}

/* The value of a series, by its name and labels; 0 if it is not there. */
static inline long metric(const char *series)
{
    return (long)metrics_text_value(series, 0);
}

#endif
