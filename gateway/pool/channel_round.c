#include "gateway/pool/channel_round.h"

#include <stdlib.h>

int channel_round_build(struct channel_round *round, const struct channel_share *shares, size_t share_count)
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
    *round = (struct channel_round){.places = places};
    for (unsigned turn = 0; turn < longest; turn++) {
        for (size_t i = 0; i < share_count; i++) {
            if (turn < shares[i].count) {
                places[round->len++] = shares[i].channels[turn];
            }
        }
    }
    return 0;
}

void channel_round_done(struct channel_round *round)
{
    free(round->places);
    *round = (struct channel_round){.places = NULL};
}

static bool is_connected(const struct channel *channel)
{
    return channel_is_ready(channel) && instance_takes_part(channel->instance);
}

static bool is_usable(const struct channel *channel, int64_t now_us)
{
    return is_connected(channel) && breaker_allows(&channel->instance->breaker, now_us);
}

struct channel *channel_round_next(const struct channel_round *round, unsigned *cursor, int avoid_instance,
                                   int64_t now_us)
{
    struct channel *second_choice = NULL;
    const unsigned start = *cursor;
    for (unsigned i = 0; i < round->len; i++) {
        const unsigned index = (start + i) % round->len;
        struct channel *channel = round->places[index];
        if (!is_usable(channel, now_us)) {
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

bool channel_round_has_next(const struct channel_round *round, int64_t now_us)
{
    for (unsigned i = 0; i < round->len; i++) {
        if (is_usable(round->places[i], now_us)) {
            return true;
        }
    }
    return false;
}

bool channel_round_is_up(const struct channel_round *round)
{
    for (unsigned i = 0; i < round->len; i++) {
        const struct channel *channel = round->places[i];
        if (is_connected(channel) && channel->instance->breaker.state == BREAKER_CLOSED) {
            return true;
        }
    }
    return false;
}

int64_t channel_round_probe_us(const struct channel_round *round)
{
    int64_t earliest_us = INT64_MAX;
    for (unsigned i = 0; i < round->len; i++) {
        const struct breaker *breaker = &round->places[i]->instance->breaker;
        if (is_connected(round->places[i]) && breaker->state == BREAKER_OPEN && breaker->retry_us < earliest_us) {
            earliest_us = breaker->retry_us;
        }
    }
    return earliest_us;
}
