#include "counter-service/ranking/ranking_order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/prng.h"
#include "common/contract/counter_rules.h"
#include "counter-service/ranking/ranking_place.h"
#include "counter-service/ranking/ranking_places.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { INDEX_SIZE_MIN = 8 };

/* ---- the index: open addressing, at most half full ---- */

/* A slot holds the number of an entry, from 1; 0: it is free. */
struct index {
    uint32_t *slots;
    size_t size;
    uint64_t seed;
};

static size_t index_size_of(size_t entries)
{
    size_t size = INDEX_SIZE_MIN;
    while (size < 2 * entries) {
        size *= 2;
    }
    return size;
}

/* The slot of the resource's entry, or the free one where it belongs. */
static size_t slot_of(const struct index *index, const struct ranking_entry *entries, struct text resource_id)
{
    size_t slot = XXH3_64bits_withSeed(resource_id.data, resource_id.len, index->seed) & (index->size - 1);
    while (index->slots[slot] != 0 && !text_equal(entries[index->slots[slot] - 1].resource_id, resource_id)) {
        slot = (slot + 1) & (index->size - 1);
    }
    return slot;
}

/* ---- the places of the texts ---- */

/* One entry a resource; the texts are those of the strings that are read. */
struct members {
    struct ranking_entry *entries;
    size_t count;
    struct index index;
};

static enum status count_places(const struct text *texts, size_t text_count, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < text_count; i++) {
        struct text rest = texts[i];
        struct text resource_id;
        int64_t score;
        int result = ranking_places_open(&rest) == 0 ? 1 : -1;
        while (result == 1) {
            result = ranking_places_next(&rest, &resource_id, &score);
            if (result == 1 && counter_rules_resource_id(resource_id) != NULL) {
                return STATUS_DATA_DAMAGED; /* no name that was ever counted */
            }
            count += result == 1;
        }
        if (result < 0) {
            return STATUS_DATA_DAMAGED;
        }
    }
    *ret_count = count;
    return count < UINT32_MAX ? STATUS_OK : STATUS_DATA_DAMAGED;
}

static void put(struct members *members, struct text resource_id, int64_t score)
{
    uint32_t *slot = &members->index.slots[slot_of(&members->index, members->entries, resource_id)];
    if (*slot == 0) {
        members->entries[members->count] = (struct ranking_entry){.resource_id = resource_id};
        *slot = (uint32_t)++members->count;
    }
    members->entries[*slot - 1].score = score;
}

/* The texts have been counted: they are not damaged. */
static void put_all(struct members *members, const struct text *texts, size_t text_count)
{
    for (size_t i = 0; i < text_count; i++) {
        struct text rest = texts[i];
        struct text resource_id;
        int64_t score;
        const int opened = ranking_places_open(&rest);
        assert(opened == 0);
        (void)opened;
        while (ranking_places_next(&rest, &resource_id, &score) == 1) {
            put(members, resource_id, score);
        }
    }
}

static void drop_those_that_left(struct members *members)
{
    size_t kept = 0;
    for (size_t i = 0; i < members->count; i++) {
        if (members->entries[i].score != 0) {
            members->entries[kept++] = members->entries[i];
        }
    }
    members->count = kept;
}

static int by_place(const void *left, const void *right)
{
    const struct ranking_entry *a = left;
    const struct ranking_entry *b = right;
    return ranking_place_compare(a->score, a->resource_id, b->score, b->resource_id);
}

/* ---- the order ---- */

static size_t text_bytes(const struct members *members)
{
    size_t bytes = 0;
    for (size_t i = 0; i < members->count; i++) {
        bytes += members->entries[i].resource_id.len;
    }
    return bytes;
}

static void copy_entries(const struct members *members, struct ranking_entry *entries, char *text)
{
    for (size_t i = 0; i < members->count; i++) {
        const struct ranking_entry *from = &members->entries[i];
        memcpy(text, from->resource_id.data, from->resource_id.len);
        entries[i] = (struct ranking_entry){from->score, {text, from->resource_id.len}};
        text += from->resource_id.len;
    }
}

/* One piece of memory: entries, index, texts. */
static enum status keep(const struct members *members, struct ranking_order *ret_order)
{
    const size_t index_start = members->count * sizeof(struct ranking_entry);
    const size_t index_size = index_size_of(members->count);
    const size_t text_start = index_start + index_size * sizeof(uint32_t);
    const size_t bytes = text_start + text_bytes(members);
    char *memory = malloc(bytes);
    if (memory == NULL) {
        return STATUS_OUT_OF_MEMORY;
    }
    struct ranking_entry *entries = (struct ranking_entry *)memory;
    struct index index = {(uint32_t *)(memory + index_start), index_size, members->index.seed};
    copy_entries(members, entries, memory + text_start);
    memset(index.slots, 0, index_size * sizeof(uint32_t));
    for (size_t i = 0; i < members->count; i++) {
        index.slots[slot_of(&index, entries, entries[i].resource_id)] = (uint32_t)i + 1;
    }
    *ret_order = (struct ranking_order){entries, members->count, bytes, index.slots, index_size, index.seed, memory};
    return STATUS_OK;
}

enum status ranking_order_read(const struct text *texts, size_t text_count, struct ranking_order *ret_order)
{
    size_t place_count = 0;
    enum status status = count_places(texts, text_count, &place_count);
    if (status != STATUS_OK) {
        return status;
    }
    struct prng prng;
    prng_init(&prng);
    struct members members = {.index = {.size = index_size_of(place_count), .seed = prng_next(&prng)}};
    members.entries = malloc((place_count + 1) * sizeof(struct ranking_entry));
    members.index.slots = calloc(members.index.size, sizeof(uint32_t));
    status = STATUS_OUT_OF_MEMORY;
    if (members.entries != NULL && members.index.slots != NULL) {
        put_all(&members, texts, text_count);
        drop_those_that_left(&members);
        qsort(members.entries, members.count, sizeof(struct ranking_entry), by_place);
        status = keep(&members, ret_order);
    }
    free(members.entries);
    free(members.index.slots);
    return status;
}

/* ---- several orders ---- */

/* What is left of one of them; not empty while it is in the heap. */
struct rest {
    const struct ranking_entry *first;
    const struct ranking_entry *end;
};

/* The rest with the best place is heap[0]; the one at i is no worse than those at 2i + 1 and 2i + 2. */
static void sift_down(struct rest *heap, size_t count, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && by_place(heap[child + 1].first, heap[child].first) < 0) {
            child++;
        }
        if (by_place(heap[i].first, heap[child].first) <= 0) {
            return;
        }
        const struct rest worse = heap[i];
        heap[i] = heap[child];
        heap[child] = worse;
    }
}

static size_t make_heap(struct rest *heap, const struct ranking_order *const *orders, size_t order_count)
{
    size_t count = 0;
    for (size_t i = 0; i < order_count; i++) {
        if (orders[i]->count > 0) {
            heap[count++] = (struct rest){orders[i]->entries, orders[i]->entries + orders[i]->count};
        }
    }
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(heap, count, i - 1);
    }
    return count;
}

/* The best of all that are left, before the floor; NULL: there is none. */
static const struct ranking_entry *best_of(const struct rest *heap, size_t count, const struct ranking_place *floor)
{
    const struct ranking_entry *best = count > 0 ? heap[0].first : NULL;
    return best != NULL && ranking_place_is_had(floor, best->score, best->resource_id) ? best : NULL;
}

static const struct ranking_entry *take_best(struct members *members, struct rest *heap, size_t rest_count,
                                             const struct ranking_place *floor, size_t count_max)
{
    const struct ranking_entry *best;
    while ((best = best_of(heap, rest_count, floor)) != NULL && members->count < count_max) {
        members->entries[members->count++] = *best;
        heap[0].first++;
        if (heap[0].first == heap[0].end) {
            heap[0] = heap[--rest_count];
        }
        sift_down(heap, rest_count, 0);
    }
    return best;
}

enum status ranking_order_merge(const struct ranking_order *const *orders, size_t order_count,
                                const struct ranking_place *floor, size_t count_max, struct ranking_order *ret_order,
                                const struct ranking_entry **ret_next)
{
    size_t total = 0;
    for (size_t i = 0; i < order_count; i++) {
        total += orders[i]->count;
    }
    struct prng prng;
    prng_init(&prng);
    struct members members = {.index.seed = prng_next(&prng)};
    struct rest *heap = malloc((order_count + 1) * sizeof(*heap));
    members.entries = malloc(((total < count_max ? total : count_max) + 1) * sizeof(struct ranking_entry));
    enum status status = STATUS_OUT_OF_MEMORY;
    if (heap != NULL && members.entries != NULL) {
        *ret_next = take_best(&members, heap, make_heap(heap, orders, order_count), floor, count_max);
        status = keep(&members, ret_order);
    }
    free(heap);
    free(members.entries);
    return status;
}

void ranking_order_done(struct ranking_order *order)
{
    free(order->memory);
    *order = (struct ranking_order){.count = 0};
}

int64_t ranking_order_find(const struct ranking_order *order, struct text resource_id)
{
    if (order->index_size == 0) {
        return -1;
    }
    const struct index index = {(uint32_t *)order->index, order->index_size, order->seed};
    return (int64_t)index.slots[slot_of(&index, order->entries, resource_id)] - 1;
}
