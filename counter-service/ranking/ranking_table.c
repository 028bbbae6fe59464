#include "counter-service/ranking/ranking_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/prng.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    BUCKETS_MIN = 64,
    /* Members over `keep` before some leave: each time all are looked at. A half, and not next to nothing. */
    SLACK_MIN = 64,
};

void ranking_table_init(struct ranking_table *table, size_t keep)
{
    assert(keep > 0);
    struct prng prng;
    prng_init(&prng);
    *table = (struct ranking_table){.keep = keep, .seed = prng_next(&prng)};
}

void ranking_table_clear(struct ranking_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            struct ranking_member *member = table->buckets[i];
            table->buckets[i] = member->next;
            free(member);
        }
    }
    table->count = 0;
    table->is_bounded = false;
}

void ranking_table_clear_unfilled(struct ranking_table *table)
{
    ranking_table_clear(table);
    table->is_bounded = true;
    table->floor = (struct ranking_place){.score = INT64_MAX};
}

void ranking_table_done(struct ranking_table *table)
{
    ranking_table_clear(table);
    free(table->buckets);
    table->buckets = NULL;
    table->bucket_count = 0;
}

/* ---- places ---- */

bool ranking_table_has_place(const struct ranking_table *table, struct text resource_id, int64_t score)
{
    return ranking_place_is_had(table->is_bounded ? &table->floor : NULL, score, resource_id);
}

/* ---- members ---- */

static struct ranking_member **bucket_of(const struct ranking_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static uint64_t hash_of(const struct ranking_table *table, struct text resource_id)
{
    return XXH3_64bits_withSeed(resource_id.data, resource_id.len, table->seed);
}

/* The link to the member; to NULL if it is not there. */
static struct ranking_member **find_link(const struct ranking_table *table, uint64_t hash, struct text resource_id)
{
    struct ranking_member **link = bucket_of(table, hash);
    while (*link != NULL && ((*link)->hash != hash || !text_equal(ranking_member_id(*link), resource_id))) {
        link = &(*link)->next;
    }
    return link;
}

static int grow(struct ranking_table *table)
{
    const size_t bucket_count = table->bucket_count > 0 ? 2 * table->bucket_count : BUCKETS_MIN;
    struct ranking_member **old = table->buckets;
    struct ranking_member **buckets = calloc(bucket_count, sizeof(struct ranking_member *));
    if (buckets == NULL) {
        return -1;
    }
    const size_t old_count = table->bucket_count;
    table->buckets = buckets;
    table->bucket_count = bucket_count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct ranking_member *member = old[i], *next; member != NULL; member = next) {
            next = member->next;
            struct ranking_member **bucket = bucket_of(table, member->hash);
            member->next = *bucket;
            *bucket = member;
        }
    }
    free(old);
    return 0;
}

static int add(struct ranking_table *table, uint64_t hash, struct text resource_id, int64_t score)
{
    assert(resource_id.len <= RESOURCE_ID_LEN_MAX);
    if (table->count >= table->bucket_count && grow(table) != 0) {
        return -1;
    }
    struct ranking_member *member = malloc(sizeof(*member) + resource_id.len);
    if (member == NULL) {
        return -1;
    }
    struct ranking_member **bucket = bucket_of(table, hash);
    *member = (struct ranking_member){.next = *bucket, .hash = hash, .score = score, .len = (uint16_t)resource_id.len};
    memcpy(member->resource_id, resource_id.data, resource_id.len);
    *bucket = member;
    table->count++;
    return 0;
}

static void take_out(struct ranking_table *table, struct ranking_member **link)
{
    struct ranking_member *member = *link;
    *link = member->next;
    free(member);
    table->count--;
}

bool ranking_table_is_large(const struct ranking_table *table)
{
    const size_t slack = table->keep / 2 > SLACK_MIN ? table->keep / 2 : SLACK_MIN;
    return table->count > table->keep + slack;
}

int ranking_table_put(struct ranking_table *table, struct text resource_id, int64_t score)
{
    const uint64_t hash = hash_of(table, resource_id);
    struct ranking_member **link = table->bucket_count > 0 ? find_link(table, hash, resource_id) : NULL;
    const bool is_member = link != NULL && *link != NULL;
    const bool belongs = ranking_table_has_place(table, resource_id, score);
    if (is_member && belongs) {
        const bool changes = (*link)->score != score;
        (*link)->score = score;
        return changes;
    }
    if (is_member) {
        take_out(table, link);
        return 1;
    }
    if (!belongs) {
        return 0;
    }
    return add(table, hash, resource_id, score) == 0 ? 1 : -1;
}

int ranking_table_move(struct ranking_table *table, struct text resource_id, int64_t before, int64_t score)
{
    const bool is_outside = before != 0 && !ranking_table_has_place(table, resource_id, before) &&
                            !ranking_table_has_place(table, resource_id, score);
    return is_outside ? 0 : ranking_table_put(table, resource_id, score);
}

void ranking_table_prepare_place(const struct ranking_table *table, struct text resource_id)
{
    if (table->bucket_count > 0) {
        __builtin_prefetch(bucket_of(table, hash_of(table, resource_id)));
    }
}

void ranking_table_prepare_member(const struct ranking_table *table, struct text resource_id)
{
    if (table->bucket_count > 0) {
        __builtin_prefetch(*bucket_of(table, hash_of(table, resource_id)));
    }
}

const struct ranking_member *ranking_table_find(const struct ranking_table *table, struct text resource_id)
{
    if (table->bucket_count == 0) {
        return NULL;
    }
    return *find_link(table, hash_of(table, resource_id), resource_id);
}

/* ---- trim ---- */

static bool is_before(const struct ranking_member *a, const struct ranking_member *b)
{
    return ranking_place_compare(a->score, ranking_member_id(a), b->score, ranking_member_id(b)) < 0;
}

/* Moves the better ones than some member of first..last before it, and the others behind. Returns where it is then. */
static size_t part(const struct ranking_member **members, size_t first, size_t last, size_t pivot)
{
    const struct ranking_member *member = members[pivot];
    size_t place = first;
    members[pivot] = members[last];
    for (size_t i = first; i < last; i++) {
        const struct ranking_member *other = members[i];
        if (is_before(other, member)) {
            members[i] = members[place];
            members[place++] = other;
        }
    }
    members[last] = members[place];
    members[place] = member;
    return place;
}

/* The member that n others are better than (Hoare's selection: its time is that of some looks at each, whatever the
 * order, as the pivots are drawn at random). */
static const struct ranking_member *select_nth(const struct ranking_member **members, size_t count, size_t n,
                                               uint64_t seed)
{
    struct prng prng = {seed};
    size_t first = 0;
    size_t last = count - 1;
    while (first < last) {
        const size_t place = part(members, first, last, first + (size_t)(prng_next(&prng) % (last - first + 1)));
        if (place == n) {
            break;
        }
        if (place < n) {
            first = place + 1;
        } else {
            last = place - 1;
        }
    }
    return members[n];
}

static void gather(const struct ranking_table *table, const struct ranking_member **out)
{
    size_t count = 0;
    for (size_t i = 0; i < table->bucket_count; i++) {
        ranking_table_prepare_walk(table, i);
        for (const struct ranking_member *member = table->buckets[i]; member != NULL; member = member->next) {
            out[count++] = member;
        }
    }
    assert(count == table->count);
}

static void drop_outside(struct ranking_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct ranking_member **link = &table->buckets[i];
        ranking_table_prepare_walk(table, i);
        while (*link != NULL) {
            if (ranking_table_has_place(table, ranking_member_id(*link), (*link)->score)) {
                link = &(*link)->next;
            } else {
                take_out(table, link);
            }
        }
    }
}

/* The best of those that leave is the floor: whoever was outside before has a place behind the old floor, and so behind
 * this one. */
int ranking_table_trim(struct ranking_table *table)
{
    if (table->count <= table->keep) {
        return 0;
    }
    const struct ranking_member **members = malloc(table->count * sizeof(struct ranking_member *));
    if (members == NULL) {
        return -1;
    }
    gather(table, members);
    const struct ranking_member *floor = select_nth(members, table->count, table->keep, table->seed);
    ranking_place_set(&table->floor, floor->score, ranking_member_id(floor));
    table->is_bounded = true;
    free(members);
    drop_outside(table);
    assert(table->count == table->keep);
    return 0;
}
