#include "counter-service/verify_rankings/ranking_sums.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_BUCKETS = 1024 };

/* ranking_sums.h says so. */
_Static_assert(sizeof(struct ranking_resource) == 48, "the size of a resource");
_Static_assert(sizeof(struct ranking_cell) == 16, "the size of a cell");

void ranking_sums_init(struct ranking_sums *sums, size_t cell_count)
{
    *sums = (struct ranking_sums){.cell_count = cell_count};
    arena_init(&sums->memory);
}

void ranking_sums_done(struct ranking_sums *sums)
{
    arena_done(&sums->memory);
    free(sums->buckets);
}

struct text ranking_resource_id(const struct ranking_sums *sums, const struct ranking_resource *resource)
{
    return (struct text){(const char *)(resource->cells + sums->cell_count), resource->id_len};
}

static void link_resource(struct ranking_sums *sums, struct ranking_resource *resource)
{
    struct ranking_resource **bucket = &sums->buckets[resource->hash & (sums->bucket_count - 1)];
    resource->next = *bucket;
    *bucket = resource;
}

/* Twice as many buckets. */
static int grow(struct ranking_sums *sums)
{
    struct ranking_sums grown = *sums;
    grown.bucket_count = sums->bucket_count == 0 ? FIRST_BUCKETS : 2 * sums->bucket_count;
    grown.buckets = calloc(grown.bucket_count, sizeof(struct ranking_resource *));
    if (grown.buckets == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sums->bucket_count; i++) {
        struct ranking_resource *resource = sums->buckets[i];
        while (resource != NULL) {
            struct ranking_resource *next = resource->next;
            link_resource(&grown, resource);
            resource = next;
        }
    }
    free(sums->buckets);
    *sums = grown;
    return 0;
}

static struct ranking_resource *find(const struct ranking_sums *sums, uint32_t hash, struct text id)
{
    struct ranking_resource *resource = sums->bucket_count == 0 ? NULL : sums->buckets[hash & (sums->bucket_count - 1)];
    while (resource != NULL && (resource->hash != hash || !text_equal(ranking_resource_id(sums, resource), id))) {
        resource = resource->next;
    }
    return resource;
}

static struct ranking_resource *create(struct ranking_sums *sums, uint32_t hash, struct text id)
{
    const size_t size = sizeof(struct ranking_resource) + sums->cell_count * sizeof(struct ranking_cell);
    struct ranking_resource *resource = arena_alloc(&sums->memory, size + id.len);
    if (resource != NULL) {
        memset(resource, 0, size);
        resource->hash = hash;
        resource->id_len = (uint16_t)id.len;
        memcpy((char *)resource + size, id.data, id.len);
    }
    return resource;
}

struct ranking_resource *ranking_sums_take(struct ranking_sums *sums, struct text id)
{
    const uint32_t hash = (uint32_t)(XXH3_64bits(id.data, id.len) >> 32);
    struct ranking_resource *resource = find(sums, hash, id);
    if (resource != NULL) {
        return resource;
    }
    if (sums->count == sums->bucket_count && grow(sums) != 0) {
        return NULL;
    }
    resource = create(sums, hash, id);
    if (resource != NULL) {
        link_resource(sums, resource);
        sums->count++;
    }
    return resource;
}

struct ranking_resource *ranking_sums_next(const struct ranking_sums *sums, const struct ranking_resource *after)
{
    size_t bucket = 0;
    if (after != NULL) {
        if (after->next != NULL) {
            return after->next;
        }
        bucket = (after->hash & (sums->bucket_count - 1)) + 1;
    }
    while (bucket < sums->bucket_count && sums->buckets[bucket] == NULL) {
        bucket++;
    }
    return bucket < sums->bucket_count ? sums->buckets[bucket] : NULL;
}
