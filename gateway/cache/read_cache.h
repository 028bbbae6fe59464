/* The caches of one event loop: of single counters, and of rankings; and what is counted about them. Loop thread only.
 */
#ifndef TALLY_GATEWAY_CACHE_READ_CACHE_H
#define TALLY_GATEWAY_CACHE_READ_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/config/config.h"
#include "common/metrics/metrics.h"
#include "gateway/cache/cache.h"

enum {
    /* Of the rankings of a loop: a body has 60 bytes an entry usually, and 400 KB at most. */
    CACHE_RANKINGS_MAX = 4096,
    CACHE_RANKING_BYTES_MAX = 16 * 1024 * 1024,
    /* Places for counter types whose rankings may not be kept; two that share one take turns. */
    CACHE_UNKEPT_TYPES = 256,
};

enum read_cache_result {
    READ_HIT,
    READ_MISS,
    READ_WAIT,   /* it got, or failed with, what another one asked for */
    READ_BYPASS, /* it wanted none from a cache, or its ranking may not be kept */
    READ_RESULTS
};

struct read_cache {
    /* immutable */
    int64_t max_staleness_us; /* of a counter */
    struct cache *counters;   /* NULL: cache.max_staleness is 0 */
    struct cache *rankings;
    uint64_t seed; /* of the hashes of unkept_types */
    metric_series results[READ_RESULTS];
    metric_series entries;
    /* changed */
    int64_t entries_shown;                     /* as its metric has it */
    uint64_t unkept_types[CACHE_UNKEPT_TYPES]; /* hashes of counter types (cached_ranking.c); 0: none */
};

/* NULL when out of memory. */
struct read_cache *read_cache_create(const struct config *config) MUST_CHECK;
/* No read is out. NULL is fine. */
void read_cache_free(struct read_cache *cache);

void read_cache_count(const struct read_cache *cache, enum read_cache_result result);
/* After entries may have come or gone. */
void read_cache_show_entries(struct read_cache *cache);

#endif
