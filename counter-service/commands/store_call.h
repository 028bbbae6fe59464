/* What a handler asks the store: the call, its items, and how it ends. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_STORE_CALL_H
#define TALLY_COUNTER_SERVICE_COMMANDS_STORE_CALL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/text.h"
#include "common/contract/status.h"
#include "common/contract/store_id.h"

/* One increment or one read. The caller has validated it: a worker sends it as it is. Its status is STATUS_OK when the
 * call is submitted. */
struct store_item {
    struct text resource_id;
    struct text counter_type;
    struct text user_id;         /* increments; may be empty */
    struct text idempotency_key; /* increments; empty for none */
    int64_t delta;               /* increments; not 0 */
    /* Results. */
    enum status status;
    const char *detail; /* static sentence for an item that failed, or NULL: the status's title will do */
    int64_t value;
    bool replayed;
    bool is_decided; /* increments: the write script had a result for it; else status is that of its whole part */
    /* The store's own. */
    bool is_read; /* reads: Redis has answered for it, and others of the call are still to be read */
};

struct item_trace;
struct ranking_read;

enum store_operation {
    STORE_INCREMENT,    /* all items in one atomic script call */
    STORE_OPEN_SESSION, /* makes session.id, which is new; results in store_id and idle_timeout_ms */
    STORE_KEEP_SESSION, /* session.id lives on; result in idle_timeout_ms */
    STORE_GET,
    STORE_LIST,    /* items[0].resource_id; results in `listed` */
    STORE_RANKING, /* of a ranking what ranking->wanted says; results in `ranking` */
    STORE_OPERATIONS
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
    /* In which partition all items are. store_submit sets it, and makes several calls of one if there are more; but
     * that of STORE_RANKING is the caller's. */
    int partition;
    /* Monotonic; counter_service.max_deadline after store_submit if that is earlier. A call past it is not sent:
     * STATUS_EXPIRED. */
    int64_t deadline_us;
    struct store_session session;
    struct store_item *items; /* at least one; in a call about a session or a ranking none */
    size_t item_count;
    struct ranking_read *ranking;    /* STORE_RANKING (ranking_read.h); the caller's, initialised */
    const struct item_trace *traces; /* increments: what their events tell of, in the order of the items; NULL: none */
    /* Called once, on a worker's thread; or, if the call had several parts, from inside store_submit. From then on the
     * store does not touch the call. */
    void (*done)(struct store_call *call);
    /* Results of the whole call. When status is not STATUS_OK the items' results mean nothing. */
    enum status status;
    const char *detail;          /* static sentence, or NULL: the status's title will do */
    struct store_listed *listed; /* STORE_LIST: sorted by counter_type; heap, freed by the caller */
    size_t listed_count;
    struct buffer list_memory; /* STORE_LIST: initialised and freed by the caller */
    char store_id[STORE_ID_SIZE];
    int idle_timeout_ms;
    int64_t submitted_us; /* monotonic */
    int64_t sent_us;      /* likewise, to Redis, and for the last time; 0: it was not */
    /* The store's own. */
    struct store_call *next;
    bool asking;           /* goes to a node that is about to get the partition: each command after ASKING */
    bool asking_refused;   /* a Redis has refused ASKING, so none that is about to get the partition takes the call */
    unsigned redirects;    /* how often a Redis said that the partition is elsewhere */
    int64_t redirected_us; /* monotonic: when the first did */
};

/* How many places of a bounded queue the call takes: one without items takes one too. */
static inline size_t store_call_places(const struct store_call *call)
{
    return call->item_count > 0 ? call->item_count : 1;
}

/* From here on the call is the caller's again: it may be gone when this returns. */
static inline void store_call_finish(struct store_call *call, enum status status, const char *detail)
{
    assert(status < STATUS_COUNT && call->done != NULL);
    call->status = status;
    call->detail = detail;
    call->done(call);
}

/* The same for a list, linked by next; NULL is fine. */
static inline void store_calls_finish(struct store_call *calls, enum status status, const char *detail)
{
    while (calls != NULL) {
        struct store_call *next = calls->next;
        store_call_finish(calls, status, detail);
        calls = next;
    }
}

#endif
