#include "counter-service/verify_rankings/ranking_members.h"

static int add(struct ranking_members *members, struct text id)
{
    char *copy = arena_alloc(&members->memory, id.len);
    if (copy == NULL) {
        return -1;
    }
    memcpy(copy, id.data, id.len);
    members->ids[members->count++] = (struct text){copy, id.len};
    return 0;
}

static int add_all(struct ranking_members *members, const struct ranking_table *table, struct shard shard)
{
    members->ids = arena_alloc(&members->memory, (table->count + 1) * sizeof(*members->ids));
    if (members->ids == NULL) {
        return -1;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (const struct ranking_member *member = table->buckets[i]; member != NULL; member = member->next) {
            if (shard_has(shard, ranking_member_id(member)) && add(members, ranking_member_id(member)) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

int ranking_members_init(struct ranking_members *members, const struct ranking_table *table, struct shard shard,
                         struct error *error)
{
    *members = (struct ranking_members){.count = 0};
    arena_init(&members->memory);
    if (add_all(members, table, shard) != 0) {
        ranking_members_done(members);
        error_set(error, "out of memory");
        return -1;
    }
    return 0;
}

void ranking_members_done(struct ranking_members *members)
{
    arena_done(&members->memory);
}
