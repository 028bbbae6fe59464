/* What a request says about answers from a cache: Cache-Control (RFC 9111, section 5.2.1) and Pragma (5.4). max-stale,
 * min-fresh and only-if-cached are passed over: nothing stale is ever given, and a cache need not heed them. Pure. */
#ifndef TALLY_GATEWAY_CACHE_CACHE_CONTROL_H
#define TALLY_GATEWAY_CACHE_CACHE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/http/http_server.h"

struct cache_demand {
    int64_t max_age_us; /* the answer must be younger; 0: none will do; INT64_MAX: any */
    bool no_store;      /* what is answered must not be kept */
};

/* A field that came more than once, of which only the last is known, demands the most that it may. */
struct cache_demand cache_control_read(const struct http_field *cache_control, const struct http_field *pragma);

#endif
