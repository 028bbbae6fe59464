/* The store: what the RPC handlers ask of Redis, and the workers that ask it.
 *
 *     RPC thread ── store_submit ──> a worker's bounded queue ── drained whole ──> one Redis pipeline ──> call->done
 *
 * A worker is a thread with its own Redis connection. Its Redis being down is known at once: store_submit refuses
 * instead of queueing. */
#ifndef TALLY_COUNTER_SERVICE_STORE_H
#define TALLY_COUNTER_SERVICE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/compiler.h"
#include "common/config.h"
#include "common/error.h"
#include "common/limits.h"
#include "common/status.h"
#include "common/text.h"

/* One increment or one read. The caller has validated it: a worker sends it as it is. */
struct store_item {
    struct text resource_id;
    struct text counter_type;
    struct text user_id;         /* increments; may be empty */
    struct text idempotency_key; /* increments; empty for none */
    int64_t delta;               /* increments; not 0 */
    /* Results. status is not STATUS_OK from the start for an item that failed validation: it is skipped. */
    enum status status;
    const char *detail; /* static sentence for an item that failed, or NULL: the status's title will do */
    int64_t value;
    bool replayed;
};

enum store_operation {
    STORE_INCREMENT,    /* all items in one atomic script call */
    STORE_OPEN_SESSION, /* makes session.id, which is new; results in store_id and idle_timeout_ms */
    STORE_KEEP_SESSION, /* session.id lives on; result in idle_timeout_ms */
    STORE_GET,
    STORE_LIST, /* items[0].resource_id; results in `listed` */
};

/* In which session an increment call counts once, and its place there (write_script.lua). */
struct store_session {
    const uint8_t *id; /* SESSION_LEN bytes; NULL: in none */
    unsigned lane;     /* below SESSION_LANES */
    int64_t sequence;  /* at least 1 */
};

/* One counter of a listing. counter_type points into the call's list_memory. */
struct store_listed {
    struct text counter_type;
    int64_t value;
};

struct store_call {
    /* Set by the caller; everything pointed to stays valid until done is called. */
    enum store_operation operation;
    /* Monotonic; counter_service.max_deadline after store_submit if that is earlier. A call past it is not sent:
     * STATUS_EXPIRED. */
    int64_t deadline_us;
    struct store_session session;
    struct store_item *items; /* of a call about a session: one, empty */
    size_t item_count;
    /* Called once, on a worker's thread, never from inside store_submit. From then on the worker does not touch the
     * call. */
    void (*done)(struct store_call *call);
    /* Results of the whole call. When status is not STATUS_OK the items' results mean nothing. */
    enum status status;
    const char *detail;          /* static sentence, or NULL: the status's title will do */
    struct store_listed *listed; /* STORE_LIST: sorted by counter_type; heap, freed by the caller */
    size_t listed_count;
    struct buffer list_memory; /* STORE_LIST: initialised and freed by the caller */
    char store_id[STORE_ID_LEN + 1];
    int idle_timeout_ms;
    /* The worker's own. */
    struct store_call *next;
    int64_t submitted_us;
};

struct store;

/* Told on each change whether every worker's Redis is usable, and of which store it is: on a worker's thread, one
 * report at a time. store_id: "" while none was found yet; valid during the call. Why Redis is not usable says
 * store_is_serving. */
typedef void (*store_on_serving)(void *ctx, bool serving, const char *store_id);

/* Starts config->redis.workers threads, which connect by themselves for ever. config must outlive the store. */
struct store *store_create(const struct config *config, store_on_serving on_serving, void *ctx, struct error *error);
/* Calls still queued are done with STATUS_DRAINING; joins the workers. NULL is fine. */
void store_free(struct store *store);

/* Queues the call on a worker. STATUS_OK: done will be called. Otherwise the call was not taken and nothing was done:
 * STATUS_SHED (the queue is full), STATUS_REDIS_DOWN. Any thread, but not once store_free has begun. */
enum status store_submit(struct store *store, struct store_call *call) MUST_CHECK;

/* Whether every worker's Redis is usable. If it is not, a sentence that says why is copied to reason (reason_size
 * bytes, or NULL), otherwise "". Any thread. */
bool store_is_serving(struct store *store, char *reason, size_t reason_size);
/* Whether Redis is usable and refuses writes for now (out of memory, cannot save, too few replicas): reads are served,
 * and increments end STATUS_WRITES_REFUSED. Then why is copied to reason. Any thread. */
bool store_refuses_writes(struct store *store, char *reason, size_t reason_size);

#endif
