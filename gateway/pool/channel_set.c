#include "gateway/pool/channel_set.h"

#include <assert.h>
#include <stdlib.h>

struct channel **channel_set_make(const struct channel_set *set, unsigned count, const struct channel_options *options,
                                  struct error *error)
{
    struct channel **list = calloc(count > 0 ? count : 1, sizeof(struct channel *));
    if (list == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        list[i] = i < set->count ? set->channels[i] : channel_create(options, error);
        if (list[i] == NULL) {
            channel_set_drop(set, list, i);
            return NULL;
        }
    }
    return list;
}

void channel_set_drop(const struct channel_set *set, struct channel **list, unsigned count)
{
    for (unsigned i = set->count; i < count; i++) {
        channel_free(list[i]);
    }
    free(list);
}

void channel_set_take(struct channel_set *set, struct channel **list, unsigned count)
{
    assert((list != NULL) || count == 0);
    for (unsigned i = 0; i < set->count; i++) {
        if (i < count) {
            assert(list[i] == set->channels[i]);
        } else {
            list_append(&set->leaving, &set->channels[i]->node);
        }
    }
    free(set->channels);
    set->channels = list;
    set->count = count;
}

/* One that is connecting waits for the end of that: see channel_is_connecting. */
void channel_set_free_returned(struct channel_set *set)
{
    struct channel *channel = LIST_ENTRY(set->leaving.first, struct channel, node);
    while (channel != NULL) {
        struct channel *next = LIST_ENTRY(channel->node.next, struct channel, node);
        if (!channel_is_lent(channel) && !channel_is_connecting(channel)) {
            list_remove(&set->leaving, &channel->node);
            channel_free(channel);
        }
        channel = next;
    }
}

unsigned channel_set_ready(const struct channel_set *set)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < set->count; i++) {
        ready += channel_is_ready(set->channels[i]);
    }
    return ready;
}

void channel_set_hurry(const struct channel_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (channel_state(set->channels[i]) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
            channel_hurry(set->channels[i]);
        }
    }
}

bool channel_set_is_empty(const struct channel_set *set)
{
    return set->count == 0 && set->leaving.first == NULL;
}

void channel_set_done(struct channel_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        channel_free(set->channels[i]);
    }
    free(set->channels);
    while (set->leaving.first != NULL) {
        struct channel *channel = LIST_ENTRY(set->leaving.first, struct channel, node);
        list_remove(&set->leaving, &channel->node);
        channel_free(channel);
    }
    *set = (struct channel_set){.channels = NULL};
}
