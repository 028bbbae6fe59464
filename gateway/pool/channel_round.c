#include "gateway/pool/channel_round.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/pool/channel_pool.h"
#include "gateway/pool/channel_pool_metrics.h"
#include "gateway/pool/instance.h"

/* --- the order ---------------------------------------------------------------------------------------------------- */

int channel_order_build(struct channel_order *order, const struct channel_share *shares, size_t share_count)
{
    unsigned len = 0;
    unsigned longest = 0;
    for (size_t i = 0; i < share_count; i++) {
        len += shares[i].count;
        longest = shares[i].count > longest ? shares[i].count : longest;
    }
    struct channel **places = calloc(len > 0 ? len : 1, sizeof(struct channel *));
    if (places == NULL) {
        return -1;
    }
    *order = (struct channel_order){.places = places};
    for (unsigned turn = 0; turn < longest; turn++) {
        for (size_t i = 0; i < share_count; i++) {
            if (turn < shares[i].count) {
                places[order->len++] = shares[i].channels[turn];
            }
        }
    }
    assert(order->len == len);
    return 0;
}

void channel_order_done(struct channel_order *order)
{
    free(order->places);
    *order = (struct channel_order){.places = NULL};
}

void channel_round_swap_locked(struct channel_round *round, struct channel_order *order)
{
    assert(order->places != NULL);
    const struct channel_order before = round->order;
    round->order = *order;
    *order = before;
}

/* --- under lock --------------------------------------------------------------------------------------------------- */

static bool is_connected(const struct channel *channel)
{
    return channel_is_ready(channel) && instance_takes_part(channel->instance);
}

static bool may_take_call(const struct channel *channel, int64_t now_us)
{
    return is_connected(channel) && breaker_allows(&channel->instance->breaker, now_us);
}

/* The next channel that may take a call, from *cursor on, which moves behind that channel. */
static struct channel *next_locked(const struct channel_order *order, unsigned *cursor, int avoid_instance,
                                   int64_t now_us)
{
    struct channel *second_choice = NULL;
    const unsigned start = *cursor;
    for (unsigned i = 0; i < order->len; i++) {
        const unsigned index = (start + i) % order->len;
        struct channel *channel = order->places[index];
        if (!may_take_call(channel, now_us)) {
            continue;
        }
        if ((int)channel->instance_number != avoid_instance) {
            *cursor = index + 1;
            return channel;
        }
        if (second_choice == NULL) {
            second_choice = channel;
            *cursor = index + 1;
        }
    }
    return second_choice;
}

static bool is_ready_locked(const struct channel_order *order, int64_t now_us)
{
    for (unsigned i = 0; i < order->len; i++) {
        if (may_take_call(order->places[i], now_us)) {
            return true;
        }
    }
    return false;
}

/* Whether an instance is up: connected, serving, and its breaker closed, not on trial. */
static bool is_up_locked(const struct channel_order *order)
{
    for (unsigned i = 0; i < order->len; i++) {
        const struct channel *channel = order->places[i];
        if (is_connected(channel) && channel->instance->breaker.state == BREAKER_CLOSED) {
            return true;
        }
    }
    return false;
}

/* When the first breaker that keeps calls from a READY channel lets a probe through; INT64_MAX: none does. */
static int64_t probe_us_locked(const struct channel_order *order)
{
    int64_t earliest_us = INT64_MAX;
    for (unsigned i = 0; i < order->len; i++) {
        const struct breaker *breaker = &order->places[i]->instance->breaker;
        if (is_connected(order->places[i]) && breaker->state == BREAKER_OPEN && breaker->retry_us < earliest_us) {
            earliest_us = breaker->retry_us;
        }
    }
    return earliest_us;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

struct channel *channel_round_lend(struct channel_round *round, unsigned *cursor, int avoid_instance, int64_t now_us)
{
    bool is_probe = false;
    pthread_mutex_lock(&round->lock);
    struct channel *channel = next_locked(&round->order, cursor, avoid_instance, now_us);
    if (channel != NULL) {
        is_probe = instance_begin_call(channel->instance);
        if (!is_probe) {
            round->up_us = now_us;
        }
        channel_lend(channel);
    }
    pthread_mutex_unlock(&round->lock);
    if (is_probe) {
        metrics_add(round->breaker_changes[BREAKER_HALF_OPEN], 1);
    }
    return channel;
}

void channel_round_give_back(struct channel_round *round, struct channel *channel, enum call_verdict verdict,
                             int64_t now_us)
{
    assert(channel_is_lent(channel));
    struct instance *instance = channel->instance;
    pthread_mutex_lock(&round->lock);
    const bool is_changed = instance_end_call(instance, verdict, now_us);
    const bool is_logged = is_changed && instance_may_log_breaker(instance, now_us);
    const enum breaker_state state = instance->breaker.state;
    pthread_mutex_unlock(&round->lock);
    if (is_changed) {
        metrics_add(round->breaker_changes[state], 1);
    }
    if (is_logged) {
        instance_log_breaker(instance, state);
    }
    channel_give_back(channel); /* last: with it the instance may go */
}

void channel_round_note_refusal(struct channel_round *round, struct channel *channel, int64_t now_us)
{
    assert(channel_is_lent(channel));
    pthread_mutex_lock(&round->lock);
    instance_note_refusal(channel->instance, now_us);
    pthread_mutex_unlock(&round->lock);
}

bool channel_round_is_ready(struct channel_round *round, int64_t now_us)
{
    pthread_mutex_lock(&round->lock);
    const bool is_ready = is_ready_locked(&round->order, now_us);
    pthread_mutex_unlock(&round->lock);
    return is_ready;
}

bool channel_round_is_awaited(struct channel_round *round, int64_t now_us)
{
    pthread_mutex_lock(&round->lock);
    const bool is_awaited = now_us - round->up_us < CHANNEL_POOL_AWAITED_US;
    pthread_mutex_unlock(&round->lock);
    return is_awaited;
}

int channel_round_retry_after_s(struct channel_round *round, int64_t now_us)
{
    pthread_mutex_lock(&round->lock);
    const bool is_ready = is_ready_locked(&round->order, now_us);
    const int64_t probe_us = probe_us_locked(&round->order);
    pthread_mutex_unlock(&round->lock);
    if (is_ready || probe_us == INT64_MAX || probe_us <= now_us) {
        return 1;
    }
    return (int)((probe_us - now_us + 999999) / 1000000);
}

unsigned channel_round_count(struct channel_round *round, grpc_connectivity_state state)
{
    unsigned count = 0;
    pthread_mutex_lock(&round->lock);
    for (unsigned i = 0; i < round->order.len; i++) {
        count += channel_state(round->order.places[i]) == state;
    }
    pthread_mutex_unlock(&round->lock);
    return count;
}

void channel_round_look(struct channel_round *round, int64_t now_us)
{
    pthread_mutex_lock(&round->lock);
    if (is_up_locked(&round->order)) {
        round->up_us = now_us;
    }
    pthread_mutex_unlock(&round->lock);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void channel_round_init(struct channel_round *round)
{
    *round = (struct channel_round){.up_us = INT64_MIN / 2};
    pthread_mutex_init(&round->lock, NULL);
    channel_pool_metrics_breaker_changes(round->breaker_changes);
}

void channel_round_done(struct channel_round *round)
{
    channel_order_done(&round->order);
    pthread_mutex_destroy(&round->lock);
}
