#include "gateway/pool/pool_members_share.h"

/* How many of the round's channels instance number i of `count` gets. */
static unsigned share_of(const struct pool_members *members, size_t i, size_t count)
{
    const size_t size = (size_t)members->options.size < count ? count : (size_t)members->options.size;
    return (unsigned)(size / count + (i < size % count ? 1 : 0));
}

int pool_members_share_out(struct pool_members *members, struct error *error)
{
    struct channel_share shares[CHANNEL_POOL_MEMBERS_MAX] = {{.count = 0}};
    struct channel_order order = {.places = NULL};
    size_t made = 0;
    while (made < members->count) {
        struct channel_share *share = &shares[made];
        share->count = share_of(members, made, members->count);
        share->channels = instance_make_channels(members->all[made].instance, share->count, error);
        if (share->channels == NULL) {
            break;
        }
        made++;
    }
    if (made == members->count && channel_order_build(&order, shares, made) != 0) {
        error_set(error, "out of memory");
    }
    if (order.places == NULL) {
        for (size_t i = 0; i < made; i++) {
            channel_set_drop(&members->all[i].instance->channels, shares[i].channels, shares[i].count);
        }
        return -1;
    }
    pthread_mutex_lock(&members->round->lock);
    channel_round_swap_locked(members->round, &order);
    for (size_t i = 0; i < made; i++) {
        instance_set_channels(members->all[i].instance, shares[i].channels, shares[i].count);
    }
    LIST_EACH (struct instance, instance, &members->leaving, node) {
        instance_set_channels(instance, NULL, 0);
    }
    pthread_mutex_unlock(&members->round->lock);
    channel_order_done(&order);
    return 0;
}
