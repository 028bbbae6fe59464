/* The session in which an event loop's increments count exactly once (proto/tally/v1/counter.proto). Its batches are
 * numbered; each takes a lane, and gives it back when its call is over.
 *
 *     none ── an increment waits ──> opening ──> open ── the service has no such session ──> none
 *       ▲                               └─ failed: on_failed ─> none
 *       └── at the earliest SESSION_OPEN_PAUSE_US after the opening before
 *
 * While it is open it is kept alive (KeepSession), also when nothing is written. Owned by the loop's thread. */
#ifndef TALLY_GATEWAY_BATCH_SESSION_H
#define TALLY_GATEWAY_BATCH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/contract/limits.h"
#include "gateway/rpc/counter_client.h"

enum {
    /* An opening takes no longer, else it failed. */
    SESSION_OPEN_TIMEOUT_US = 2000 * 1000,
    /* From the start of an opening that succeeded to the next one: a storm of losses must not spin. */
    SESSION_OPEN_PAUSE_US = 20 * 1000,
    /* Between two KeepSessions: a third of the service's idle time-out, but no more and no less than these. */
    SESSION_KEEP_EVERY_MAX_US = 60 * 1000 * 1000,
    SESSION_KEEP_EVERY_MIN_US = 100 * 1000,
    /* The deadline of a KeepSession; one that told nothing is tried again so long after its start. */
    SESSION_KEEP_TIMEOUT_US = 1000 * 1000,
};

struct session;

/* Where one batch stands: what makes a copy of it recognisable. */
struct session_place {
    uint64_t generation; /* which of the loop's sessions */
    uint8_t session[SESSION_LEN];
    unsigned lane;
    int64_t sequence;
};

/* An opening failed. Every increment that waits for the session ends in status, whose outcome is not applied. May be
 * called from inside session_turn. */
typedef void (*session_open_failed)(void *ctx, enum status status);

/* client outlives the session. NULL when out of memory. */
struct session *session_create(struct counter_client *client, session_open_failed on_failed, void *ctx) MUST_CHECK;
/* Abandons its calls. NULL is fine. */
void session_free(struct session *session);

/* Opens the session if it is wanted, keeps it. Returns the monotonic time at which it wants to be called again,
 * INT64_MAX for never. */
int64_t session_turn(struct session *session, bool wanted, int64_t now_us);

/* Whether session_take finds a place: the session is open, and a lane is left. */
bool session_has_place(const struct session *session);
/* A place for the next batch. session_has_place said that there is one. */
void session_take(struct session *session, struct session_place *ret_place);

/* The batch's call is over. closed: no copy of it can take effect any more; else it may, and will not be sent again.
 * A place of an earlier session is passed over. */
void session_give_back(struct session *session, const struct session_place *place, bool closed);
/* The service refused the batch because of its session: if that session is still the open one, it is lost. */
void session_lost(struct session *session, const struct session_place *place);

#endif
