/* The best resources of one window, in the memory of the instance that keeps them: who is among them, and with what
 * score. No order is kept. Owned by one thread.
 *
 * A table holds the best `keep` and some more. It is bounded once a resource was left out: its floor is the best place
 * that may be outside. All resources whose place is better are in it, all others are not: so the first K of it are the
 * true ones while it has K members. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_TABLE_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "counter-service/ranking/ranking_place.h"

struct ranking_member {
    struct ranking_member *next; /* of the bucket */
    uint64_t hash;
    int64_t score; /* not 0 */
    uint16_t len;
    char resource_id[];
};

struct ranking_table {
    /* immutable after init */
    size_t keep;
    uint64_t seed; /* of the hashes: whoever chooses names must not know where they fall */
    /* what it holds */
    struct ranking_member **buckets;
    size_t bucket_count; /* a power of 2; 0: nothing was ever put */
    size_t count;
    bool is_bounded;
    struct ranking_place floor; /* if is_bounded */
};

void ranking_table_init(struct ranking_table *table, size_t keep);
void ranking_table_done(struct ranking_table *table);
/* Nobody is in it, and it is not bounded. */
void ranking_table_clear(struct ranking_table *table);
/* Nobody is in it, and everybody is outside. */
void ranking_table_clear_unfilled(struct ranking_table *table);

/* The resource's score is this now; 0: it has no place. Returns 1 if that changes anything, 0 if not; or -1 when out of
 * memory. */
int ranking_table_put(struct ranking_table *table, struct text resource_id, int64_t score) MUST_CHECK;
/* Likewise, of a resource whose score was `before` up to now: one that had a score without a place, and gets none, is
 * not looked for, as it cannot be there. Of one that had none (0) nothing is taken for granted. */
int ranking_table_move(struct ranking_table *table, struct text resource_id, int64_t before, int64_t score) MUST_CHECK;
/* The resource will be put soon: brings near where it may be, and, a while later, itself. */
void ranking_table_prepare_place(const struct ranking_table *table, struct text resource_id);
void ranking_table_prepare_member(const struct ranking_table *table, struct text resource_id);
/* NULL: it is not a member. */
const struct ranking_member *ranking_table_find(const struct ranking_table *table, struct text resource_id);

/* Whether a resource with that score is a member by the table's rules: once it was put, if and only if. */
bool ranking_table_has_place(const struct ranking_table *table, struct text resource_id, int64_t score);
/* There are so many members over `keep` that some should leave. */
bool ranking_table_is_large(const struct ranking_table *table);
/* Those after the best `keep` leave. Returns 0, or -1 when out of memory. */
int ranking_table_trim(struct ranking_table *table) MUST_CHECK;

/* Whoever walks over the buckets has come to this one: brings near who is some further on. */
static inline void ranking_table_prepare_walk(const struct ranking_table *table, size_t bucket)
{
    enum { AHEAD = 8 };
    if (bucket + AHEAD < table->bucket_count) {
        __builtin_prefetch(table->buckets[bucket + AHEAD]);
    }
}

static inline struct text ranking_member_id(const struct ranking_member *member)
{
    return (struct text){member->resource_id, member->len};
}

#endif
