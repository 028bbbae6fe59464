/* A read that may be answered from a cache, or with what another request has asked for already. Of all that ask the
 * same within one loop, one asks the service: the asker.
 *
 *     cached_read_begin ─┬─> held, and young enough ─> 200
 *                        ├─> somebody asks ─> waits ─┬─> the answer, if it is young enough for this request ─> 200
 *                        │                           ├─> it is not, or only the asker's time is over: asks again
 *                        │                           └─> the asker's problem
 *                        └─> false: the caller sends the read ─> cached_read_asked ─> its end ─> cached_read_end
 *
 * An asker's deadline is before those of all who wait for it, since it came first: so who waits needs no clock. An
 * asker whose client is gone stays until its read has ended, as long as somebody waits for it.
 *
 * An answer is young enough for a request if it could have been held when the request came. A request that says
 * no-cache asks itself; others may wait for it. Loop thread only. */
#ifndef TALLY_GATEWAY_CACHE_CACHED_READ_H
#define TALLY_GATEWAY_CACHE_CACHED_READ_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/contract/status.h"
#include "gateway/cache/cache.h"
#include "gateway/http/request_state.h"

/* lifetime_us: of the answers, as far as it is known before they come; else INT64_MAX. True: the request was answered,
 * or waits. */
bool cached_read_begin(struct request_state *state, struct cache *cache, const struct cache_key *key,
                       int64_t lifetime_us) MUST_CHECK;
/* The read was sent, and has not ended yet. */
void cached_read_asked(struct request_state *state, struct cache *cache, const struct cache_key *key);
/* It has ended, and its own request is not answered yet. answer: NULL if it failed, with status and detail as for
 * reply_problem. */
void cached_read_end(struct request_state *state, const struct cache_answer *answer, enum status status,
                     const char *detail);

/* Tells downstream caches how old the answer is, and how old it may become. */
void cached_read_set_freshness(struct request_state *state, const struct cache_answer *answer, int64_t now_us);

#endif
