#include "gateway/batch/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/contract/grpc_message.h"
#include "common/contract/store_id.h"
#include "common/log/log.h"
#include "gateway/batch/lanes.h"
#include "gateway/batch/session_metrics.h"
#include "tally/v1/counter.pb-c.h"

enum session_state {
    SESSION_NONE,
    SESSION_OPENING, /* `call` is the OpenSession */
    SESSION_OPEN,    /* `call` is a KeepSession, NULL between two of them */
};

struct session {
    /* immutable after create */
    struct counter_client *client;
    session_open_failed on_failed;
    void *ctx;
    /* owned by the loop's thread */
    enum session_state state;
    struct client_call *call;
    int64_t call_started_us;
    int64_t open_not_before_us;
    /* of the session that is open */
    uint8_t id[SESSION_LEN];
    int64_t sequence; /* of its last batch */
    struct lanes lanes;
    int64_t keep_every_us;
    int64_t keep_us;     /* when the next KeepSession is due */
    uint64_t generation; /* grows with each session lost: a place with an older one is late */
    int64_t turn_us;     /* when the last turn was, for the log */
    struct log_limiter opened_log;
    struct log_limiter lost_log;
    struct log_limiter failed_log;
    struct session_metrics metrics;
    struct arena arena; /* of one reply at a time */
};

/* --- calls -------------------------------------------------------------------------------------------------------- */

/* NULL when out of memory. */
static struct client_call *call(struct session *session, enum counter_rpc rpc, const ProtobufCMessage *request,
                                int64_t now_us, int64_t timeout_us, client_call_done on_done)
{
    grpc_byte_buffer *message = grpc_message_pack(request);
    if (message == NULL) {
        return NULL;
    }
    session->call_started_us = now_us;
    const struct client_call_options options = {
        .rpc = rpc, .deadline_us = now_us + timeout_us, .on_done = on_done, .ctx = session};
    return client_call_start(session->client, &options, message, now_us);
}

/* Three renewals fit into the time after which the service forgets the session. */
static int64_t keep_every_us(int64_t idle_timeout_ms)
{
    const int64_t third_ms = idle_timeout_ms / 3;
    if (third_ms >= SESSION_KEEP_EVERY_MAX_US / 1000) {
        return SESSION_KEEP_EVERY_MAX_US;
    }
    return third_ms <= SESSION_KEEP_EVERY_MIN_US / 1000 ? SESSION_KEEP_EVERY_MIN_US : third_ms * 1000;
}

/* --- lost --------------------------------------------------------------------------------------------------------- */

static void lose(struct session *session)
{
    uint64_t times;
    assert(session->state == SESSION_OPEN);
    if (session->call != NULL) {
        client_call_abandon(session->call);
        session->call = NULL;
    }
    session_metrics_lanes(&session->metrics, -(int)session->lanes.open_count, -(int)session->lanes.given_up_count);
    session_metrics_lost(&session->metrics);
    if (log_limiter_allows(&session->lost_log, session->turn_us, &times)) {
        log_warn("session", "the session is lost", LOG_INT("times", times), LOG_INT("last_sequence", session->sequence),
                 LOG_INT("batches_out", session->lanes.open_count));
    }
    session->generation++;
    session->state = SESSION_NONE;
}

void session_lost(struct session *session, const struct session_place *place)
{
    assert(place->generation <= session->generation);
    if (place->generation == session->generation) {
        lose(session);
    }
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void opening_failed(struct session *session, enum status status)
{
    uint64_t times;
    session->state = SESSION_NONE;
    if (log_limiter_allows(&session->failed_log, session->turn_us, &times)) {
        log_warn("session", "cannot open a session", LOG_INT("times", times), LOG_STR("status", status_name(status)));
    }
    session->on_failed(session->ctx, status);
}

/* The status of the increments that waited for an opening that failed. They never left, so they do not end unknown even
 * if the opening did; and they broke no rule, whatever the service says of the opening. */
static enum status status_of_waiting(enum status status)
{
    if (status_outcome(status) == OUTCOME_UNKNOWN) {
        return STATUS_REDIS_DOWN;
    }
    return status_http_code(status) < 500 || status == STATUS_NO_SESSION ? STATUS_UNIMPLEMENTED : status;
}

static void opened(struct session *session, const Tally__V1__OpenSessionResponse *response)
{
    uint64_t times;
    char store_id[STORE_ID_SIZE] = "";
    if (store_id_is_valid(grpc_message_text(response->store_id))) {
        memcpy(store_id, response->store_id.data, STORE_ID_LEN);
    }
    session->state = SESSION_OPEN;
    memcpy(session->id, response->session.data, SESSION_LEN);
    session->sequence = 0;
    lanes_init(&session->lanes);
    session->keep_every_us = keep_every_us(response->idle_timeout_ms);
    session->keep_us = session->call_started_us + session->keep_every_us;
    session->open_not_before_us = session->call_started_us + SESSION_OPEN_PAUSE_US;
    session_metrics_opened(&session->metrics);
    if (log_limiter_allows(&session->opened_log, session->turn_us, &times)) {
        log_info("session", "session opened", LOG_INT("times", times), LOG_STR("store_id", store_id));
    }
}

static void on_opened(void *ctx, enum status status, grpc_byte_buffer *reply)
{
    struct session *session = ctx;
    assert(session->state == SESSION_OPENING);
    session->call = NULL;
    if (status != STATUS_OK) {
        opening_failed(session, status_of_waiting(status));
        return;
    }
    const Tally__V1__OpenSessionResponse *response = (const Tally__V1__OpenSessionResponse *)grpc_message_unpack(
        &tally__v1__open_session_response__descriptor, reply, &session->arena);
    if (response != NULL && response->session.len == SESSION_LEN) {
        opened(session, response);
    } else {
        opening_failed(session, STATUS_UNIMPLEMENTED);
    }
    arena_reset(&session->arena);
}

static void open_session(struct session *session, int64_t now_us)
{
    const Tally__V1__OpenSessionRequest request = TALLY__V1__OPEN_SESSION_REQUEST__INIT;
    assert(session->state == SESSION_NONE && session->call == NULL);
    session->state = SESSION_OPENING;
    session->call = call(session, COUNTER_RPC_OPEN_SESSION, &request.base, now_us, SESSION_OPEN_TIMEOUT_US, on_opened);
    if (session->call == NULL) {
        opening_failed(session, STATUS_OUT_OF_MEMORY);
    }
}

/* --- keeping ------------------------------------------------------------------------------------------------------ */

/* A KeepSession that told nothing is tried again soon. */
static void on_kept(void *ctx, enum status status, grpc_byte_buffer *reply)
{
    struct session *session = ctx;
    assert(session->state == SESSION_OPEN);
    session->call = NULL;
    if (status == STATUS_NO_SESSION) {
        lose(session);
        return;
    }
    session->keep_us = session->call_started_us + SESSION_KEEP_TIMEOUT_US;
    if (status != STATUS_OK) {
        return;
    }
    const Tally__V1__KeepSessionResponse *response = (const Tally__V1__KeepSessionResponse *)grpc_message_unpack(
        &tally__v1__keep_session_response__descriptor, reply, &session->arena);
    if (response != NULL) {
        session->keep_every_us = keep_every_us(response->idle_timeout_ms);
        session->keep_us = session->call_started_us + session->keep_every_us;
    }
    arena_reset(&session->arena);
}

static void keep_session(struct session *session, int64_t now_us)
{
    Tally__V1__KeepSessionRequest request = TALLY__V1__KEEP_SESSION_REQUEST__INIT;
    assert(session->call == NULL);
    request.session = grpc_message_bytes((struct text){(const char *)session->id, SESSION_LEN});
    session->keep_us = now_us + SESSION_KEEP_TIMEOUT_US; /* if there is no memory for it */
    session->call = call(session, COUNTER_RPC_KEEP_SESSION, &request.base, now_us, SESSION_KEEP_TIMEOUT_US, on_kept);
}

int64_t session_turn(struct session *session, bool wanted, int64_t now_us)
{
    session->turn_us = now_us;
    if (session->state == SESSION_NONE && wanted) {
        if (now_us < session->open_not_before_us) {
            return session->open_not_before_us;
        }
        open_session(session, now_us);
    }
    if (session->state == SESSION_OPEN && session->call == NULL && session->keep_us <= now_us) {
        keep_session(session, now_us);
    }
    return session->state == SESSION_OPEN && session->call == NULL ? session->keep_us : INT64_MAX;
}

/* --- places ------------------------------------------------------------------------------------------------------- */

bool session_has_place(const struct session *session)
{
    return session->state == SESSION_OPEN && lanes_any_left(&session->lanes);
}

void session_take(struct session *session, struct session_place *ret_place)
{
    const unsigned given_up = session->lanes.given_up_count;
    assert(session_has_place(session));
    assert(session->sequence < INT64_MAX - 1); /* at a million batches a second that takes 300,000 years */
    const bool taken = lanes_take(&session->lanes, &ret_place->lane);
    assert(taken);
    (void)taken;
    session_metrics_lanes(&session->metrics, 1, (int)session->lanes.given_up_count - (int)given_up);
    ret_place->generation = session->generation;
    ret_place->sequence = ++session->sequence;
    memcpy(ret_place->session, session->id, SESSION_LEN);
}

void session_give_back(struct session *session, const struct session_place *place, bool closed)
{
    assert(place->generation <= session->generation);
    if (place->generation != session->generation) {
        return; /* its lanes went with it */
    }
    assert(session->state == SESSION_OPEN && place->sequence <= session->sequence);
    if (closed) {
        lanes_close(&session->lanes, place->lane);
    } else {
        lanes_give_up(&session->lanes, place->lane);
    }
    session_metrics_lanes(&session->metrics, -1, closed ? 0 : 1);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct session *session_create(struct counter_client *client, session_open_failed on_failed, void *ctx)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    session->client = client;
    session->on_failed = on_failed;
    session->ctx = ctx;
    arena_init(&session->arena);
    session_metrics_init(&session->metrics);
    return session;
}

void session_free(struct session *session)
{
    if (session == NULL) {
        return;
    }
    if (session->call != NULL) {
        client_call_abandon(session->call);
    }
    if (session->state == SESSION_OPEN) {
        session_metrics_lanes(&session->metrics, -(int)session->lanes.open_count, -(int)session->lanes.given_up_count);
    }
    arena_done(&session->arena);
    free(session);
}
