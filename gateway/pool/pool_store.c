#include "gateway/pool/pool_store.h"

#include <string.h>

bool pool_store_is(const struct pool_store *store, const char *told)
{
    return store->id[0] != '\0' && strcmp(store->id, told) == 0;
}

static bool tells_a_store(const struct pool_store_member *member)
{
    return member->is_up && member->store[0] != '\0';
}

/* Returns which member gives the pool its first store, or count if none may yet. */
static size_t find_first(const struct pool_store_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tells_a_store(&members[i])) {
            return i;
        }
        if (members[i].is_awaited) {
            break;
        }
    }
    return count;
}

/* Returns which member tells the store that has replaced the pool's, or count if none does. */
static size_t find_successor(const struct pool_store *store, const struct pool_store_member *members, size_t count)
{
    size_t found = count;
    for (size_t i = count; i-- > 0;) {
        const bool is_of_store = pool_store_is(store, members[i].store);
        if (is_of_store && (members[i].is_up || members[i].was_up_lately)) {
            return count;
        }
        if (!is_of_store && members[i].has_told_store && tells_a_store(&members[i])) {
            found = i;
        }
    }
    return found;
}

static void remember(const struct pool_store *store, struct pool_store_member *members, size_t count, bool is_new)
{
    for (size_t i = 0; i < count; i++) {
        const bool before = !is_new && members[i].has_told_store;
        members[i].has_told_store = before || pool_store_is(store, members[i].store);
    }
}

enum pool_store_change pool_store_update(struct pool_store *store, struct pool_store_member *members, size_t count,
                                         size_t *ret_from)
{
    const bool is_first = store->id[0] == '\0';
    const size_t from = is_first ? find_first(members, count) : find_successor(store, members, count);
    if (from < count) {
        memcpy(store->id, members[from].store, STORE_ID_SIZE);
        *ret_from = from;
    }
    remember(store, members, count, from < count);
    if (from == count) {
        return POOL_STORE_STAYS;
    }
    return is_first ? POOL_STORE_TAKEN : POOL_STORE_FOLLOWED;
}
