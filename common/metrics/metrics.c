#include "common/metrics/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/metrics/metrics_exemplars.h"
#include "common/metrics/metrics_slots.h"
#include "common/metrics/metrics_text.h"

const double metrics_seconds_buckets[METRICS_SECONDS_BUCKET_COUNT] = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const double metrics_items_buckets[METRICS_ITEMS_BUCKET_COUNT] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};

/* One line, or one histogram, of the exposition. */
struct series {
    struct series *next;
    char *values[METRIC_LABELS_MAX]; /* one per label name */
    uint32_t slot;                   /* 0: a reader's */
    metrics_reader read;
    void *ctx;
};

/* Families, and the series of each, in the order of their registration. Never freed. */
struct family_entry {
    struct family_entry *next;
    const struct metric_family *family;
    struct series *series;
};

/* Lock order: this one before that of metrics_slots.c and that of metrics_exemplars.c. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct family_entry *families; /* guarded by lock */
static atomic_uint_fast64_t refused;

static size_t label_count(const struct metric_family *family)
{
    size_t count = 0;
    while (count < METRIC_LABELS_MAX && family->labels[count] != NULL) {
        count++;
    }
    return count;
}

static void series_free(struct series *series)
{
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        free(series->values[i]);
    }
    free(series);
}

static struct series *series_create(const struct metric_family *family, const char *const *values)
{
    struct series *series = calloc(1, sizeof(*series));
    if (series == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < label_count(family); i++) {
        series->values[i] = strdup(values[i]);
        if (series->values[i] == NULL) {
            series_free(series);
            return NULL;
        }
    }
    return series;
}

static bool series_has_values(const struct series *series, const struct metric_family *family,
                              const char *const *values)
{
    for (size_t i = 0; i < label_count(family); i++) {
        if (strcmp(series->values[i], values[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The entry of the family with this name, made if there is none yet. NULL when out of memory. */
static struct family_entry *family_entry_locked(const struct metric_family *family)
{
    struct family_entry **link = &families;
    /* OpenMetrics knows a counter by it. */
    assert((family->type == METRIC_COUNTER) == text_ends_with(text_of(family->name), TEXT(METRIC_COUNTER_SUFFIX)));
    while (*link != NULL) {
        if (strcmp((*link)->family->name, family->name) == 0) {
            assert((*link)->family->type == family->type);
            return *link;
        }
        link = &(*link)->next;
    }
    *link = calloc(1, sizeof(**link));
    if (*link != NULL) {
        (*link)->family = family;
    }
    return *link;
}

/* The link that points to the series with these values; the last link of the list, which is NULL, if there is none. */
static struct series **series_link_locked(struct family_entry *entry, const char *const *values)
{
    struct series **link = &entry->series;
    while (*link != NULL && !series_has_values(*link, entry->family, values)) {
        link = &(*link)->next;
    }
    return link;
}

/* Finds the series, or makes it: with slots, or without for a reader. NULL when out of memory or slots. */
static struct series *series_locked(const struct metric_family *family, const char *const *values, bool with_slot)
{
    struct family_entry *entry = family_entry_locked(family);
    if (entry == NULL) {
        return NULL;
    }
    struct series **link = series_link_locked(entry, values);
    if (*link != NULL) {
        assert(with_slot == ((*link)->slot != 0));
        return *link;
    }
    struct series *series = series_create(family, values);
    if (series != NULL && with_slot) {
        series->slot = metrics_slots_reserve(family);
        if (series->slot == 0) {
            series_free(series);
            series = NULL;
        }
    }
    *link = series;
    return series;
}

static void count_refused(void)
{
    atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
}

uint64_t metrics_series_refused(void)
{
    return atomic_load_explicit(&refused, memory_order_relaxed);
}

metric_series metrics_register(const struct metric_family *family, const char *const *values)
{
    assert(family->bucket_count <= METRIC_BUCKETS_MAX);
    assert(!family->has_exemplars || family->type == METRIC_HISTOGRAM);
    pthread_mutex_lock(&lock);
    const struct series *series = series_locked(family, values, true);
    const metric_series slot = series != NULL ? series->slot : 0;
    pthread_mutex_unlock(&lock);
    if (slot == 0) {
        count_refused();
    }
    return slot;
}

void metrics_register_reader(const struct metric_family *family, const char *const *values, metrics_reader read,
                             void *ctx)
{
    assert(family->type != METRIC_HISTOGRAM);
    pthread_mutex_lock(&lock);
    struct series *series = series_locked(family, values, false);
    if (series != NULL) {
        series->read = read;
        series->ctx = ctx;
    }
    pthread_mutex_unlock(&lock);
    if (series == NULL) {
        count_refused();
    }
}

void metrics_unregister_reader(const struct metric_family *family, const char *const *values)
{
    pthread_mutex_lock(&lock);
    struct family_entry *entry = family_entry_locked(family);
    struct series **link = entry != NULL ? series_link_locked(entry, values) : NULL;
    if (link != NULL && *link != NULL) {
        struct series *series = *link;
        *link = series->next;
        series_free(series);
    }
    pthread_mutex_unlock(&lock);
}

static void render_histogram(struct buffer *out, enum metrics_format format, const struct metric_family *family,
                             const struct series *series, const uint64_t *totals)
{
    const char *const *values = (const char *const *)series->values;
    const uint64_t *counts = totals + series->slot;
    const double sum = metrics_slots_double(counts[family->bucket_count + 1]);
    struct kept_exemplar exemplars[METRIC_BUCKETS_MAX + 1];
    const bool has_exemplars = format == METRICS_OPENMETRICS && family->has_exemplars;
    if (has_exemplars) {
        metrics_exemplars_copy(series->slot, family->bucket_count + 1, exemplars);
    }
    metrics_text_histogram(out, format, family, values, counts, sum, has_exemplars ? exemplars : NULL);
}

static void render_series(struct buffer *out, enum metrics_format format, const struct metric_family *family,
                          const struct series *series, const uint64_t *totals)
{
    const char *const *values = (const char *const *)series->values;
    if (series->read != NULL) {
        metrics_text_double(out, family, values, series->read(series->ctx));
    } else if (family->type == METRIC_HISTOGRAM) {
        render_histogram(out, format, family, series, totals);
    } else {
        metrics_text_integer(out, family, values, (int64_t)totals[series->slot]);
    }
}

static void render_locked(struct buffer *out, enum metrics_format format, const uint64_t *totals)
{
    for (const struct family_entry *entry = families; entry != NULL; entry = entry->next) {
        if (entry->series == NULL) {
            continue;
        }
        metrics_text_family(out, format, entry->family);
        for (const struct series *series = entry->series; series != NULL; series = series->next) {
            render_series(out, format, entry->family, series, totals);
        }
    }
    metrics_text_end(out, format);
}

const char *metrics_content_type(enum metrics_format format)
{
    return format == METRICS_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                         : METRICS_CONTENT_TYPE;
}

int metrics_render(struct buffer *out, enum metrics_format format)
{
    uint64_t *totals = malloc(METRIC_SLOTS_MAX * sizeof(*totals));
    if (totals == NULL) {
        return -1;
    }
    pthread_mutex_lock(&lock);
    metrics_slots_sum(totals);
    render_locked(out, format, totals);
    pthread_mutex_unlock(&lock);
    free(totals);
    return out->failed ? -1 : 0;
}
