#include "gateway/pool/pool_members_store.h"

#include <string.h>

/* A connection that breaks, or a Redis that stops for a moment, is no reason to follow to another store. */
enum { LATELY_US = 5 * 1000 * 1000 };

static struct pool_store_member view_of(struct pool_member *member, int64_t now_us)
{
    const struct instance *instance = member->instance;
    const bool is_up = instance_is_up(instance);
    if (is_up) {
        member->last_up_us = now_us;
    }
    return (struct pool_store_member){
        .store = instance->store,
        .is_up = is_up,
        .was_up_lately = member->last_up_us != 0 && now_us - member->last_up_us < LATELY_US,
        .is_awaited = instance_is_awaited(instance, now_us),
        .has_told_store = member->has_told_store,
    };
}

static enum store_relation relation_of(const struct pool_store *store, const char *told)
{
    if (store->id[0] == '\0' || told[0] == '\0') {
        return STORE_UNKNOWN;
    }
    return pool_store_is(store, told) ? STORE_SAME : STORE_OTHER;
}

static void put_store(struct pool_members *members, const struct pool_store *store)
{
    pthread_mutex_lock(&members->round->lock);
    members->store = *store;
    for (size_t i = 0; i < members->count; i++) {
        struct instance *instance = members->all[i].instance;
        instance_set_relation(instance, relation_of(store, instance->store));
    }
    pthread_mutex_unlock(&members->round->lock);
}

static void log_store_change(struct pool_members *members, enum pool_store_change change, const char *before,
                             const char *target, int64_t now_us)
{
    uint64_t times;
    const char *now = members->store.id;
    if (!log_limiter_allows(&members->store_log[change], now_us, &times)) {
        return;
    }
    if (change == POOL_STORE_TAKEN) {
        log_info("channel_pool", "the store is that of the first instance", LOG_STR("store", now),
                 LOG_STR("instance", target));
    } else {
        log_warn("channel_pool", "the store was replaced under its instances: calls go to the new one",
                 LOG_STR("before", before), LOG_STR("store", now), LOG_STR("instance", target),
                 LOG_INT("times", times));
    }
}

static void log_other_store(const struct pool_members *members, struct pool_member *member, int64_t now_us)
{
    const struct instance *instance = member->instance;
    uint64_t times;
    if (log_limiter_allows(&member->store_log, now_us, &times)) {
        log_warn("channel_pool", "counter-service is of another store: it gets no calls",
                 LOG_STR("instance", instance->target), LOG_STR("store", instance->store),
                 LOG_STR("gateways_store", members->store.id), LOG_INT("times", times));
    }
}

void pool_members_settle_store(struct pool_members *members, int64_t now_us)
{
    struct pool_store_member views[CHANNEL_POOL_MEMBERS_MAX];
    enum store_relation before[CHANNEL_POOL_MEMBERS_MAX] = {0};
    struct pool_store store = members->store;
    const struct pool_store store_before = store;
    size_t from = 0;
    for (size_t i = 0; i < members->count; i++) {
        views[i] = view_of(&members->all[i], now_us);
        before[i] = members->all[i].instance->relation;
    }
    const enum pool_store_change change = pool_store_update(&store, views, members->count, &from);
    put_store(members, &store);
    if (change != POOL_STORE_STAYS) {
        log_store_change(members, change, store_before.id, members->all[from].instance->target, now_us);
    }
    for (size_t i = 0; i < members->count; i++) {
        struct pool_member *member = &members->all[i];
        member->has_told_store = views[i].has_told_store;
        if (member->instance->relation == STORE_OTHER && before[i] != STORE_OTHER) {
            log_other_store(members, member, now_us);
        }
    }
}

/* --- what others ask ---------------------------------------------------------------------------------------------- */

void pool_members_read_store(struct pool_members *members, char out[STORE_ID_SIZE])
{
    pthread_mutex_lock(&members->round->lock);
    memcpy(out, members->store.id, STORE_ID_SIZE);
    pthread_mutex_unlock(&members->round->lock);
}

unsigned pool_members_count_other_stores(struct pool_members *members)
{
    unsigned count = 0;
    pthread_mutex_lock(&members->round->lock);
    for (size_t i = 0; i < members->count; i++) {
        count += members->all[i].instance->relation == STORE_OTHER;
    }
    pthread_mutex_unlock(&members->round->lock);
    return count;
}
