#include "gateway/api/ranking_handlers.h"

#include <assert.h>
#include <string.h>

#include "common/contract/grpc_message.h"
#include "gateway/api/path_parameters.h"
#include "gateway/api/ranking_answer.h"
#include "gateway/api/ranking_query.h"
#include "gateway/cache/cached_ranking.h"
#include "gateway/http/admission.h"
#include "gateway/http/lone_call.h"
#include "gateway/http/reply.h"
#include "tally/v1/counter.pb-c.h"

/* The path's parameters, in the order of the routes' patterns. */
enum { PLACE_COUNTER_TYPE, PLACE_RESOURCE_ID };

/* What a request asks for. The operation is the only one of its list. */
struct question {
    const struct operation *named; /* by the path */
    struct ranking_query query;
    char raw_query[HTTP_CONNECTION_POOL_BYTES]; /* the query points here */
};

/* A request line is never as long as that: its connection's memory holds it. */
static const char *read_query(struct request_state *state, enum ranking_query_kind kind, struct question *question)
{
    const int len = http_request_query(state->request, question->raw_query, sizeof(question->raw_query));
    if (len < 0) {
        return "the query is too long";
    }
    const char *broken =
        ranking_query_read(kind, http_query_of(question->raw_query, (size_t)len), &state->operations, &question->query);
    if (broken == NULL) {
        const struct text window = question->query.window;
        assert(window.len <= sizeof(state->window));
        memcpy(state->window, window.data, window.len);
        state->window_len = window.len;
    }
    return broken;
}

/* False: the request was answered with a problem. */
static bool read_question(struct request_state *state, enum ranking_query_kind kind, struct question *question)
{
    struct operation *named = operation_list_add(&state->operations);
    if (named == NULL) {
        admission_out_of_memory(state);
        return false;
    }
    const char *broken = path_counter_type(state, PLACE_COUNTER_TYPE, &named->counter_type);
    if (broken == NULL && kind == RANKING_QUERY_RANK) {
        broken = path_resource_id(state, PLACE_RESOURCE_ID, &named->resource_id);
    }
    if (broken == NULL) {
        broken = read_query(state, kind, question);
    }
    if (broken != NULL) {
        reply_problem(state, STATUS_INVALID_ARGUMENT, broken);
        return false;
    }
    question->named = named;
    return true;
}

static void key_of_question(const struct question *question, enum ranking_query_kind kind, struct cache_key *key)
{
    const struct ranking_query *query = &question->query;
    cache_key_begin(key, kind == RANKING_QUERY_TOP ? CACHE_CALL_TOP : CACHE_CALL_RANK);
    cache_key_add_text(key, question->named->counter_type);
    cache_key_add_text(key, query->window);
    cache_key_add_text(key, query->period);
    if (kind == RANKING_QUERY_TOP) {
        cache_key_add_number(key, query->limit);
        cache_key_add_number(key, query->offset);
    } else {
        cache_key_add_text(key, question->named->resource_id);
        cache_key_add_number(key, query->neighbours);
    }
}

/* True: there is nothing to send, since the request was answered, or waits for what another one has asked. */
static bool is_served(struct request_state *state, enum ranking_query_kind kind, struct question *question,
                      struct cache_key *key)
{
    if (!read_question(state, kind, question)) {
        return true;
    }
    key_of_question(question, kind, key);
    return cached_ranking_begin(state, key);
}

static void ask(struct request_state *state, const struct lone_call_kind *call, const ProtobufCMessage *request,
                const struct cache_key *key)
{
    if (lone_call_start(state, call, request)) {
        cached_ranking_asked(state, key);
    }
}

static const struct lone_call_kind top_call = {
    COUNTER_RPC_TOP_COUNTERS,
    &tally__v1__top_counters_response__descriptor,
    ranking_answer_top,
    cached_ranking_end,
};

void handle_top(struct request_state *state)
{
    struct question question;
    struct cache_key key;
    if (is_served(state, RANKING_QUERY_TOP, &question, &key)) {
        return;
    }
    Tally__V1__TopCountersRequest request = TALLY__V1__TOP_COUNTERS_REQUEST__INIT;
    request.counter_type = grpc_message_bytes(question.named->counter_type);
    request.window = grpc_message_bytes(question.query.window);
    request.period = grpc_message_bytes(question.query.period);
    request.limit = question.query.limit;
    request.offset = question.query.offset;
    ask(state, &top_call, &request.base, &key);
}

static const struct lone_call_kind rank_call = {
    COUNTER_RPC_RANK_OF,
    &tally__v1__rank_of_response__descriptor,
    ranking_answer_rank,
    cached_ranking_end,
};

void handle_rank(struct request_state *state)
{
    struct question question;
    struct cache_key key;
    if (is_served(state, RANKING_QUERY_RANK, &question, &key)) {
        return;
    }
    Tally__V1__RankOfRequest request = TALLY__V1__RANK_OF_REQUEST__INIT;
    request.counter_type = grpc_message_bytes(question.named->counter_type);
    request.window = grpc_message_bytes(question.query.window);
    request.period = grpc_message_bytes(question.query.period);
    request.resource_id = grpc_message_bytes(question.named->resource_id);
    request.neighbours = question.query.neighbours;
    ask(state, &rank_call, &request.base, &key);
}
