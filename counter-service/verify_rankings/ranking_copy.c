#include "counter-service/verify_rankings/ranking_copy.h"

#include "common/contract/counter_rules.h"
#include "counter-service/ranking/ranking_places.h"

void ranking_copy_init(struct ranking_copy *copy)
{
    *copy = (struct ranking_copy){.generation = -1};
    ranking_table_init(&copy->table, SIZE_MAX / 2);
}

void ranking_copy_done(struct ranking_copy *copy)
{
    ranking_table_done(&copy->table);
}

bool ranking_copy_follow(struct ranking_copy *copy, const struct ranking_top *top)
{
    const bool grew = copy->damage != RANKING_UNDAMAGED || copy->length <= top->length;
    if (copy->generation == top->generation && grew) {
        return true;
    }
    const bool was_empty = copy->length == 0;
    ranking_table_clear(&copy->table);
    copy->generation = top->generation;
    copy->length = 0;
    copy->damage = RANKING_UNDAMAGED;
    return was_empty;
}

static int take_places(struct ranking_copy *copy, struct text rest)
{
    struct text resource_id;
    int64_t score;
    int result = copy->length == 0 ? ranking_places_open(&rest) : 0;
    while (result == 0 && (result = ranking_places_next(&rest, &resource_id, &score)) == 1) {
        if (counter_rules_resource_id(resource_id) != NULL) {
            copy->damage = RANKING_PLACE;
            return 0;
        }
        if (ranking_table_put(&copy->table, resource_id, score) < 0) {
            return -1;
        }
        result = 0;
    }
    copy->damage = result < 0 ? RANKING_PLACE : copy->damage;
    return 0;
}

static void compare(struct ranking_copy *copy, enum ranking_damage damage, int64_t found, int64_t wanted)
{
    if (copy->damage == RANKING_UNDAMAGED && found != wanted) {
        copy->damage = damage;
        copy->found = found;
        copy->wanted = wanted;
    }
}

int ranking_copy_take(struct ranking_copy *copy, const struct ranking_top *top, const struct redis_reply *length,
                      const struct redis_reply *added)
{
    if (copy->damage != RANKING_UNDAMAGED) {
        return 0;
    }
    if (length->type != REDIS_INTEGER || added->type != REDIS_TEXT) {
        copy->damage = RANKING_NO_STRING;
        return 0;
    }
    compare(copy, RANKING_LENGTH, length->integer, top->length);
    if (copy->damage == RANKING_UNDAMAGED && take_places(copy, added->text) != 0) {
        return -1;
    }
    copy->length = length->integer;
    compare(copy, RANKING_MEMBERS, (int64_t)copy->table.count, top->members);
    return 0;
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static int add_member(struct ranking_members *members, struct text id)
{
    char *copy = arena_alloc(&members->memory, id.len);
    if (copy == NULL) {
        return -1;
    }
    memcpy(copy, id.data, id.len);
    members->ids[members->count++] = (struct text){copy, id.len};
    return 0;
}

static int add_members(struct ranking_members *members, const struct ranking_table *table, struct shard shard)
{
    members->ids = arena_alloc(&members->memory, (table->count + 1) * sizeof(*members->ids));
    if (members->ids == NULL) {
        return -1;
    }
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (const struct ranking_member *member = table->buckets[i]; member != NULL; member = member->next) {
            if (shard_has(shard, ranking_member_id(member)) && add_member(members, ranking_member_id(member)) != 0) {
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
    if (add_members(members, table, shard) != 0) {
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
