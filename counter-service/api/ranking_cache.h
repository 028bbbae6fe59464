/* What rankings were like, kept for a moment (rankings.cache_ttl): the front page of a site asks the same thing a
 * thousand times a second. A ranking is read by one caller at a time; who asks for it meanwhile waits for that read.
 *
 *     free ──ask──> in flight ──finish──> kept ──ask, too old──> in flight
 *      ^               └── it failed       │
 *      └──────────────────<────────────────┴── room was needed: the least recently used one
 *
 * Any thread: the RPC threads ask, they and the store workers finish. One lock, under which nothing waits and no other
 * lock is taken; it may be taken while an RPC queue's is held. Waiters are told without it. Time is the caller's, of
 * clock_boottime_us. A snapshot's age counts from when Redis was asked: what comes back late is old. */
#ifndef TALLY_COUNTER_SERVICE_API_RANKING_CACHE_H
#define TALLY_COUNTER_SERVICE_API_RANKING_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "common/contract/status.h"
#include "counter-service/ranking/ranking_snapshot.h"

enum {
    RANKING_CACHE_PLACES = 256,
    /* Of the snapshots: 100,000 members with the longest names are 30 MB. A larger one is not kept. */
    RANKING_CACHE_BYTES_MAX = 64 * 1024 * 1024,
    /* Callers that wait, for all rankings: as many as counter_service.queue has. */
    RANKING_CACHE_WAITERS_MAX = 8192,
};

struct ranking_cache;
struct ranking_cache_place; /* of a ranking that the caller reads */

/* How a read ended. */
struct ranking_outcome {
    enum status status;
    const char *detail;                /* a sentence; NULL: the status's title will do */
    struct ranking_snapshot *snapshot; /* STATUS_OK */
    int64_t asked_us;                  /* before Redis was */
};

/* A caller that waits. */
struct ranking_waiter {
    /* Called once, on the thread that finishes the read; the outcome is valid during the call. From then on the
     * waiter is the caller's again. */
    void (*done)(struct ranking_waiter *waiter, const struct ranking_outcome *outcome);
    struct ranking_waiter *next; /* the cache's own */
};

enum ranking_turn {
    RANKING_TURN_KEPT,  /* the outcome is filled; release its snapshot */
    RANKING_TURN_WAITS, /* the waiter is the cache's until done is called */
    RANKING_TURN_READS, /* the caller reads the ranking, and calls ranking_cache_finish if it got a place */
    RANKING_TURN_SHED,  /* too many wait */
};

/* NULL when out of memory. */
struct ranking_cache *ranking_cache_create(void) MUST_CHECK;
/* No read is in flight. NULL is fine. */
void ranking_cache_free(struct ranking_cache *cache);

/* key: of the ranking (ranking_question_key). asked_min_us: what was asked of Redis before is too old, but if it is on
 * its way. *ret_place: set for RANKING_TURN_READS; NULL if all places are in
 * flight. */
enum ranking_turn ranking_cache_ask(struct ranking_cache *cache, struct text key, int64_t now_us, int64_t asked_min_us,
                                    struct ranking_waiter *waiter, struct ranking_outcome *ret_outcome,
                                    struct ranking_cache_place **ret_place) MUST_CHECK;
/* Tells those who wait, and keeps the snapshot, which gets one more holder, for ttl_us from outcome->asked_us on. A
 * failure is not kept. */
void ranking_cache_finish(struct ranking_cache *cache, struct ranking_cache_place *place,
                          const struct ranking_outcome *outcome, int64_t ttl_us);

#endif
