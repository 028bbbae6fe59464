#include "counter-service/topology/cluster_ids.h"

#include <string.h>

static bool has(const struct cluster_ids *ids, struct text id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (text_equal(id, text_of(ids->at[i]))) {
            return true;
        }
    }
    return false;
}

/* Of a node: [address, port, id, more]. Empty if it has none. */
static struct text id_of(const struct redis_reply *node)
{
    if (node->type != REDIS_ARRAY || node->element_count < 3) {
        return TEXT("");
    }
    const struct redis_reply id = redis_reply_element(node, 2);
    const bool is_id =
        id.type == REDIS_TEXT && id.text.len < CLUSTER_ID_SIZE && memchr(id.text.data, '\0', id.text.len) == NULL;
    return is_id ? id.text : TEXT("");
}

/* Calls see for each id in the answer, until that returns true. */
static bool see_each(const struct redis_reply *slots, bool (*see)(void *ctx, struct text id), void *ctx)
{
    for (size_t i = 0; slots->type == REDIS_ARRAY && i < slots->element_count; i++) {
        const struct redis_reply range = redis_reply_element(slots, i); /* [first, last, node, nodes] */
        for (size_t j = 2; range.type == REDIS_ARRAY && j < range.element_count; j++) {
            const struct redis_reply node = redis_reply_element(&range, j);
            const struct text id = id_of(&node);
            if (id.len > 0 && see(ctx, id)) {
                return true;
            }
        }
    }
    return false;
}

static bool add(void *ctx, struct text id)
{
    struct cluster_ids *ids = ctx;
    if (ids->count == CLUSTER_IDS_MAX) {
        return true;
    }
    if (!has(ids, id)) {
        char *at = ids->at[ids->count++];
        memcpy(at, id.data, id.len);
        at[id.len] = '\0';
    }
    return false;
}

static bool is_known(void *ctx, struct text id)
{
    return has(ctx, id);
}

void cluster_ids_read(const struct redis_reply *slots, struct cluster_ids *ret_ids)
{
    ret_ids->count = 0;
    (void)see_each(slots, add, ret_ids);
}

bool cluster_ids_are_shared(const struct cluster_ids *ids, const struct redis_reply *slots)
{
    return see_each(slots, is_known, (void *)ids);
}
