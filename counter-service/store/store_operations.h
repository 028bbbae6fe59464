/* What each operation of a call sends to Redis, and how its replies complete the call. Private to the pipeline. Owned
 * by one worker's thread. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_OPERATIONS_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_OPERATIONS_H

#include "common/base/compiler.h"
#include "counter-service/store/store_pipeline.h"

/* One run of the pipeline. */
struct store_exchange {
    struct store_pipeline *pipeline;
    struct redis_conn *conn;
    struct redis_session *session;
    struct write_script_name script;
    bool by_text; /* the script is sent with its text: Redis cannot answer that it does not know it */
    /* Calls that Redis has not run, since it did not know the script, or had no memory; linked by next. */
    struct store_call *again;
    struct store_call **again_last;
    /* Writes whose results are read, and which wait for the replicas; linked by next. */
    struct store_call *written;
    struct store_call **written_last;
    bool must_relieve; /* let events go before the calls of `again` are sent: the outbox has Redis's memory */
    bool must_close;   /* close the connection after all replies are read; error says why */
    struct error *error;
};

/* What the exchange is counted under, if this is the most costly of its operations. */
enum exchange_kind store_operation_kind(enum store_operation operation);
/* Appends the call's commands to the pipeline's requests. Returns 0, or -1 when out of memory: some of them may be
 * there. */
int store_operation_append(struct store_exchange *exchange, const struct store_call *call) MUST_CHECK;
/* Reads the call's replies and completes it, puts it on the list `again`, or has it redirected. Returns 0, or -1 if the
 * connection was lost: the call is neither completed nor on the list. */
int store_operation_read(struct store_exchange *exchange, struct store_call *call) MUST_CHECK;
/* Whether the writes of this service wait for replicas. */
bool store_operation_waits(const struct store_exchange *exchange);
/* Appends WAIT, which is for all writes before it. Returns 0, or -1 when out of memory: then nothing was appended. */
int store_operation_append_wait(struct store_exchange *exchange) MUST_CHECK;
/* Reads how many replicas have them, and completes them. Returns 0, or -1 if the connection was lost. */
int store_operation_read_wait(struct store_exchange *exchange) MUST_CHECK;
/* Completes them without that reply. */
void store_operation_written_lost(struct store_exchange *exchange);
/* Counts and logs events that were dropped; 0 is none. why: a static sentence. */
void store_operation_events_dropped(struct store_exchange *exchange, const char *why, int64_t events);

#endif
