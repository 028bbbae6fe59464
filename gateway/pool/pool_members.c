#include "gateway/pool/pool_members.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/pool/channel_pool_metrics.h"
#include "gateway/pool/pool_members_share.h"
#include "gateway/pool/pool_members_store.h"

enum {
    JOIN_AGAIN_US = 10 * 1000 * 1000,
    /* So long after the start the store is that of the instances to start with, if one of them tells it: discovery may
     * name instances of another stack sooner. */
    AWAITED_US = 2 * 1000 * 1000,
};

int pool_members_want(struct pool_members *members, const char *const *targets, size_t target_count)
{
    struct target_list list;
    if (target_list_init(&list, targets, target_count, INSTANCES_MAX) != 0) {
        return -1;
    }
    pthread_mutex_lock(&members->round->lock);
    struct target_list before = members->wanted;
    members->wanted = list;
    members->wanted_changed = true;
    pthread_mutex_unlock(&members->round->lock);
    target_list_done(&before);
    return 0;
}

static struct pool_member *find(struct pool_members *members, const char *target)
{
    for (size_t i = 0; i < members->count; i++) {
        if (strcmp(members->all[i].instance->target, target) == 0) {
            return &members->all[i];
        }
    }
    return NULL;
}

/* With its first channel: that shows whether target is an address at all. Returns NULL with error filled. */
static struct instance *make_instance(struct pool_members *members, const char *target, int64_t awaited_until_us,
                                      struct error *error)
{
    const struct instance_options options = {
        .target = target,
        .number = members->next_number,
        .lock = &members->round->lock,
        .keep_alive_ms = members->options.keep_alive_ms,
        .breaker_failures = members->options.breaker_failures,
        .breaker_open_for_ms = members->options.breaker_open_for_ms,
        .queue = members->queue,
        .awaited_until_us = awaited_until_us,
        .reports_until_us = &members->reports_until_us,
    };
    struct instance *instance = instance_create(&options);
    if (instance == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    struct channel **first = instance_make_channels(instance, 1, error);
    if (first == NULL) {
        instance_free(instance);
        return NULL;
    }
    instance_set_channels(instance, first, 1); /* without the lock: nobody else knows it yet */
    return instance;
}

static struct pool_member *add_instance(struct pool_members *members, const char *target, int64_t awaited_until_us,
                                        struct error *error)
{
    if (members->count == CHANNEL_POOL_MEMBERS_MAX) {
        error_set(error, "no place for %s until another instance has left", target);
        return NULL;
    }
    struct instance *instance = make_instance(members, target, awaited_until_us, error);
    if (instance == NULL) {
        return NULL;
    }
    members->next_number++;
    pthread_mutex_lock(&members->round->lock);
    struct pool_member *member = &members->all[members->count++];
    *member = (struct pool_member){.instance = instance};
    pthread_mutex_unlock(&members->round->lock);
    channel_pool_metrics_add_instance(instance);
    return member;
}

static void remove_instance(struct pool_members *members, size_t index)
{
    assert(index < members->count);
    struct instance *instance = members->all[index].instance;
    channel_pool_metrics_remove_instance(instance);
    pthread_mutex_lock(&members->round->lock);
    /* In their order: it says whose store is asked for first (pool_store.h). */
    members->count--;
    memmove(&members->all[index], &members->all[index + 1], (members->count - index) * sizeof(members->all[0]));
    pthread_mutex_unlock(&members->round->lock);
    instance_close(instance);
    list_append(&members->leaving, &instance->node);
}

/* An instance that nobody wants any more goes on until one that is wanted can take over: the set that discovery finds
 * first may be other addresses of the same service, or those of another stack. */
static bool may_leave(const struct pool_members *members, const struct pool_member *member, int64_t now_us)
{
    const struct instance *instance = member->instance;
    if (member->is_wanted || (members->store.id[0] == '\0' && instance_is_awaited(instance, now_us))) {
        return false;
    }
    bool others_can_serve = false;
    for (size_t i = 0; i < members->count; i++) {
        const struct pool_member *other = &members->all[i];
        others_can_serve = others_can_serve || (other->is_wanted && instance_can_serve(other->instance));
    }
    return others_can_serve || !instance_can_serve(instance);
}

/* Makes the instances of `wanted` that are not there. Returns whether some joined; *ret_complete: all are there now,
 * otherwise error is filled for one of them. awaited_until_us: of those that join. */
static bool let_join(struct pool_members *members, const struct target_list *wanted, int64_t awaited_until_us,
                     bool *ret_complete, struct error *error)
{
    bool joined = false;
    *ret_complete = true;
    for (size_t i = 0; i < members->count; i++) {
        members->all[i].is_wanted = false;
    }
    for (size_t i = 0; i < wanted->count; i++) {
        struct pool_member *member = find(members, wanted->targets[i]);
        if (member == NULL) {
            member = add_instance(members, wanted->targets[i], awaited_until_us, error);
            joined = joined || member != NULL;
        }
        if (member != NULL) {
            member->is_wanted = true;
        } else {
            *ret_complete = false;
        }
    }
    return joined;
}

static bool let_leave(struct pool_members *members, int64_t now_us)
{
    bool left = false;
    for (size_t i = members->count; i-- > 0;) {
        if (may_leave(members, &members->all[i], now_us)) {
            log_info("channel_pool", "instance leaves", LOG_STR("instance", members->all[i].instance->target));
            remove_instance(members, i);
            left = true;
        }
    }
    return left;
}

/* Takes over what pool_members_want left. Returns whether there was something. */
static bool take_wanted(struct pool_members *members)
{
    pthread_mutex_lock(&members->round->lock);
    const bool changed = members->wanted_changed;
    struct target_list before = {.count = 0};
    if (changed) {
        before = members->targets;
        members->targets = members->wanted;
        members->wanted = (struct target_list){.count = 0};
        members->wanted_changed = false;
    }
    pthread_mutex_unlock(&members->round->lock);
    target_list_done(&before);
    return changed;
}

/* Instances that cannot join, for example because a target is not an address, do not keep others from joining. */
static void follow_wanted(struct pool_members *members, int64_t now_us)
{
    if (!take_wanted(members) && now_us < members->join_us) {
        return;
    }
    bool complete;
    struct error error;
    uint64_t count;
    members->uneven = let_join(members, &members->targets, 0, &complete, &error) || members->uneven;
    members->join_us = complete ? INT64_MAX : now_us + JOIN_AGAIN_US;
    if (!complete && log_limiter_allows(&members->join_log, now_us, &count)) {
        log_error("channel_pool", "an instance cannot join", LOG_STR("error", error.message));
    }
}

static void look_at_members(struct pool_members *members, int64_t now_us)
{
    struct error error;
    uint64_t count;
    follow_wanted(members, now_us);
    members->uneven = let_leave(members, now_us) || members->uneven;
    if (members->uneven && pool_members_share_out(members, &error) == 0) {
        members->uneven = false;
    } else if (members->uneven && log_limiter_allows(&members->share_log, now_us, &count)) {
        log_error("channel_pool", "cannot share out the channels", LOG_STR("error", error.message));
    }
}

static void free_those_over(struct pool_members *members)
{
    struct instance *instance = LIST_ENTRY(members->leaving.first, struct instance, node);
    while (instance != NULL) {
        struct instance *next = LIST_ENTRY(instance->node.next, struct instance, node);
        if (instance_is_over(instance)) {
            list_remove(&members->leaving, &instance->node);
            instance_free(instance);
        }
        instance = next;
    }
}

void pool_members_look(struct pool_members *members, int64_t now_us)
{
    pool_members_settle_store(members, now_us);
    look_at_members(members, now_us);
    for (size_t i = 0; i < members->count; i++) {
        instance_look(members->all[i].instance, now_us);
    }
    LIST_EACH (struct instance, instance, &members->leaving, node) {
        instance_look(instance, now_us);
    }
    free_those_over(members);
}

size_t pool_members_describe(struct pool_members *members, struct channel_pool_instance *instances, size_t max,
                             int64_t now_us)
{
    pthread_mutex_lock(&members->round->lock);
    const size_t count = members->count;
    for (size_t i = 0; i < count && i < max; i++) {
        instance_describe(members->all[i].instance, now_us, &instances[i]);
    }
    pthread_mutex_unlock(&members->round->lock);
    return count;
}

int64_t pool_members_read_report(struct pool_members *members, const char *target, int64_t now_us, struct buffer *out)
{
    pthread_mutex_lock(&members->round->lock);
    const struct pool_member *member = find(members, target);
    const int64_t age_us = member == NULL ? -1 : instance_report_read(&member->instance->report, now_us, out);
    pthread_mutex_unlock(&members->round->lock);
    return age_us;
}

void pool_members_close(struct pool_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        instance_close(members->all[i].instance);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

int pool_members_init(struct pool_members *members, const struct channel_pool_options *options,
                      struct channel_round *round, grpc_completion_queue *queue, struct error *error)
{
    *members = (struct pool_members){.options = *options, .round = round, .queue = queue, .join_us = INT64_MAX};
    members->options.targets = NULL;
    struct target_list wanted;
    bool complete;
    if (target_list_init(&wanted, options->targets, options->target_count, INSTANCES_MAX) != 0) {
        error_set(error, "out of memory");
        return -1;
    }
    let_join(members, &wanted, clock_monotonic_us() + AWAITED_US, &complete, error);
    target_list_done(&wanted);
    if (!complete) {
        return -1;
    }
    return pool_members_share_out(members, error);
}

void pool_members_done(struct pool_members *members)
{
    while (members->count > 0) {
        struct instance *instance = members->all[--members->count].instance;
        channel_pool_metrics_remove_instance(instance);
        instance_free(instance);
    }
    while (members->leaving.first != NULL) {
        struct instance *instance = LIST_ENTRY(members->leaving.first, struct instance, node);
        list_remove(&members->leaving, &instance->node);
        instance_free(instance);
    }
    target_list_done(&members->wanted);
    target_list_done(&members->targets);
}
