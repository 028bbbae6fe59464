#include "gateway/cache/read_cache.h"

#include <stdlib.h>

#include "common/base/prng.h"

enum { US_PER_MS = 1000 };

static const struct metric_family results_family = {
    .name = "tally_read_cache_total",
    .help = "Reads that may be answered from the cache, by whether they were.",
    .type = METRIC_COUNTER,
    .labels = {"result"},
};

static const struct metric_family entries_family = {
    .name = "tally_read_cache_entries",
    .help = "Counters and rankings that the read cache holds or has asked for.",
    .type = METRIC_GAUGE,
};

static const char *const results[READ_RESULTS] = {"hit", "miss", "wait", "bypass"};

struct read_cache *read_cache_create(const struct config *config)
{
    struct read_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL) {
        return NULL;
    }
    struct prng prng;
    prng_init(&prng);
    cache->seed = prng_next(&prng);
    cache->max_staleness_us = (int64_t)config->cache.max_staleness_ms * US_PER_MS;
    cache->rankings = cache_create(CACHE_RANKINGS_MAX, CACHE_RANKING_BYTES_MAX, prng_next(&prng));
    if (cache->max_staleness_us > 0) {
        cache->counters = cache_create((size_t)config->cache.max_entries, 0, prng_next(&prng));
    }
    if (cache->rankings == NULL || (cache->max_staleness_us > 0 && cache->counters == NULL)) {
        read_cache_free(cache);
        return NULL;
    }
    for (size_t i = 0; i < READ_RESULTS; i++) {
        cache->results[i] = metrics_register(&results_family, &results[i]);
    }
    cache->entries = metrics_register(&entries_family, NULL);
    return cache;
}

void read_cache_free(struct read_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    cache_free(cache->counters);
    cache_free(cache->rankings);
    metrics_add(cache->entries, -cache->entries_shown);
    free(cache);
}

void read_cache_count(const struct read_cache *cache, enum read_cache_result result)
{
    metrics_add(cache->results[result], 1);
}

void read_cache_show_entries(struct read_cache *cache)
{
    const size_t count = cache_count(cache->rankings) + (cache->counters != NULL ? cache_count(cache->counters) : 0);
    if ((int64_t)count != cache->entries_shown) {
        metrics_add(cache->entries, (int64_t)count - cache->entries_shown);
        cache->entries_shown = (int64_t)count;
    }
}
