/* Reads of rankings, for ranking_handlers. How old an answer may become the service says with it (rankings.cache_ttl):
 * cache.max_staleness has no part in it. Where that was 0 for a counter type's last answer, each request asks for
 * itself. Loop thread only. */
#ifndef TALLY_GATEWAY_CACHE_CACHED_RANKING_H
#define TALLY_GATEWAY_CACHE_CACHED_RANKING_H

#include "common/contract/status.h"
#include "gateway/cache/cache_key.h"
#include "gateway/http/request_state.h"

/* True: the request was answered or waits. False: send the read, then call cached_ranking_asked. */
bool cached_ranking_begin(struct request_state *state, const struct cache_key *key) MUST_CHECK;
void cached_ranking_asked(struct request_state *state, const struct cache_key *key);
/* For lone_call_kind.end. The answer is in request->reply, and state->freshness is what the service said. */
void cached_ranking_end(struct request_state *state, enum status status, const char *detail);

#endif
