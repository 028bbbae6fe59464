#include "common/metrics/metrics_slots.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/metrics/metrics_exemplars.h"

/* One thread's copy of every slot. */
struct block {
    struct block *next;                       /* guarded by lock */
    struct block **link;                      /* guarded by lock: what points to this block */
    _Atomic uint64_t slots[METRIC_SLOTS_MAX]; /* written by the owning thread alone */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks;                  /* guarded by lock: those of running threads */
static uint64_t retired[METRIC_SLOTS_MAX];    /* guarded by lock: what ended threads recorded */
static uint32_t slots_used = 1;               /* guarded by lock; slot 0 swallows */
static bool slot_is_double[METRIC_SLOTS_MAX]; /* guarded by lock */
/* The family of the series that starts at a slot. Written under lock before anybody knows the series' number, so
 * that whoever records may read it without the lock. */
static const struct metric_family *slot_family[METRIC_SLOTS_MAX];

static pthread_key_t block_key; /* its destructor retires the block of a thread that ends */
static pthread_once_t block_key_once = PTHREAD_ONCE_INIT;
static bool block_key_made; /* written once under block_key_once */
static _Thread_local struct block *own_block;

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

double metrics_slots_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t sum_of(uint64_t a, uint64_t b, bool is_double)
{
    return is_double ? bits_of(metrics_slots_double(a) + metrics_slots_double(b)) : a + b;
}

static uint64_t load(const struct block *block, uint32_t slot)
{
    return atomic_load_explicit(&block->slots[slot], memory_order_relaxed);
}

static void add_block_locked(uint64_t totals[METRIC_SLOTS_MAX], const struct block *block)
{
    for (uint32_t slot = 1; slot < slots_used; slot++) {
        totals[slot] = sum_of(totals[slot], load(block, slot), slot_is_double[slot]);
    }
}

static void retire_block(void *pointer)
{
    struct block *block = pointer;
    own_block = NULL;
    pthread_mutex_lock(&lock);
    add_block_locked(retired, block);
    *block->link = block->next;
    if (block->next != NULL) {
        block->next->link = block->link;
    }
    pthread_mutex_unlock(&lock);
    free(block);
}

static void make_block_key(void)
{
    block_key_made = pthread_key_create(&block_key, retire_block) == 0;
}

/* The calling thread's block, made now. NULL when out of memory. */
static struct block *make_block(void)
{
    pthread_once(&block_key_once, make_block_key);
    struct block *block = block_key_made ? calloc(1, sizeof(*block)) : NULL;
    if (block == NULL || pthread_setspecific(block_key, block) != 0) {
        free(block);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    block->next = blocks;
    block->link = &blocks;
    if (blocks != NULL) {
        blocks->link = &block->next;
    }
    blocks = block;
    pthread_mutex_unlock(&lock);
    own_block = block;
    return block;
}

/* For a thread that cannot have a block: slow, and still exact. */
static void add_to_retired(uint32_t slot, uint64_t amount)
{
    pthread_mutex_lock(&lock);
    retired[slot] = sum_of(retired[slot], amount, slot_is_double[slot]);
    pthread_mutex_unlock(&lock);
}

static struct block *block_of_thread(void)
{
    return own_block != NULL ? own_block : make_block();
}

/* A load and a store are enough: nobody else writes here. */
static void store(struct block *block, uint32_t slot, uint64_t value)
{
    atomic_store_explicit(&block->slots[slot], value, memory_order_relaxed);
}

void metrics_add(metric_series series, int64_t amount)
{
    struct block *block = block_of_thread();
    if (block == NULL) {
        add_to_retired(series, (uint64_t)amount);
        return;
    }
    store(block, series, load(block, series) + (uint64_t)amount);
}

/* Counts the bounds below value: they are few, and a search would be slower, since its branches cannot be predicted. */
static uint32_t bucket_of(const struct metric_family *family, double value)
{
    uint32_t bucket = 0;
    for (size_t i = 0; i < family->bucket_count; i++) {
        bucket += family->buckets[i] < value;
    }
    return bucket;
}

void metrics_observe(metric_series series, double value)
{
    const struct metric_family *family = slot_family[series];
    if (family == NULL) {
        return; /* the series that swallows */
    }
    assert(family->type == METRIC_HISTOGRAM);
    const uint32_t bucket = series + bucket_of(family, value);
    const uint32_t sum = series + (uint32_t)family->bucket_count + 1;
    struct block *block = block_of_thread();
    if (block == NULL) {
        add_to_retired(bucket, 1);
        add_to_retired(sum, bits_of(value));
        return;
    }
    store(block, bucket, load(block, bucket) + 1);
    store(block, sum, sum_of(load(block, sum), bits_of(value), true));
}

void metrics_keep_exemplar(metric_series series, double value, const struct trace_context *trace)
{
    const struct metric_family *family = slot_family[series];
    if (family != NULL && family->has_exemplars) {
        metrics_exemplars_keep(series + bucket_of(family, value), value, trace);
    }
}

static uint64_t read_slot_locked(uint32_t slot)
{
    assert(slot < METRIC_SLOTS_MAX && !slot_is_double[slot]);
    uint64_t sum = slot == 0 ? 0 : retired[slot];
    for (const struct block *block = blocks; block != NULL && slot != 0; block = block->next) {
        sum += load(block, slot);
    }
    return sum;
}

int64_t metrics_read(metric_series series)
{
    pthread_mutex_lock(&lock);
    const uint64_t value = read_slot_locked(series);
    pthread_mutex_unlock(&lock);
    return (int64_t)value;
}

void metrics_add_buckets(metric_series series, size_t bucket_count, uint64_t *counts)
{
    if (series == 0) {
        return; /* the series that swallows */
    }
    assert(slot_family[series]->bucket_count == bucket_count);
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i <= bucket_count; i++) {
        counts[i] += read_slot_locked(series + i);
    }
    pthread_mutex_unlock(&lock);
}

uint32_t metrics_slots_reserve(const struct metric_family *family)
{
    const bool is_histogram = family->type == METRIC_HISTOGRAM;
    const uint32_t count = is_histogram ? (uint32_t)family->bucket_count + 2 : 1;
    uint32_t first = 0;
    pthread_mutex_lock(&lock);
    if (count <= METRIC_SLOTS_MAX - slots_used) {
        first = slots_used;
        slots_used += count;
        slot_family[first] = family;
        slot_is_double[slots_used - 1] = is_histogram;
    }
    pthread_mutex_unlock(&lock);
    return first;
}

void metrics_slots_sum(uint64_t totals[METRIC_SLOTS_MAX])
{
    pthread_mutex_lock(&lock);
    memcpy(totals, retired, sizeof(retired));
    for (const struct block *block = blocks; block != NULL; block = block->next) {
        add_block_locked(totals, block);
    }
    pthread_mutex_unlock(&lock);
}
