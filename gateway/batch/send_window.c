#include "gateway/batch/send_window.h"

#include <assert.h>

#include "gateway/rpc/retry.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void send_window_init(struct send_window *window, size_t max)
{
    assert(max > 0);
    *window = (struct send_window){.max = max, .items = max};
    for (int size = 0; size < SEND_SIZES; size++) {
        window->seen_us[size] = INT64_MIN / 2;
    }
}

/* --- turns -------------------------------------------------------------------------------------------------------- */

/* For an RPC that had left at sent_us. One decrease counts for every RPC that had left before the decrease. */
static void shrink(struct send_window *window, int64_t sent_us, int64_t now_us)
{
    if (sent_us < window->shrunk_us) {
        return;
    }
    const size_t least = smaller(SEND_WINDOW_MIN, window->max);
    window->items = window->items / 2 > least ? window->items / 2 : least;
    window->shrunk_us = now_us;
    window->answered = 0;
}

static void grow(struct send_window *window)
{
    while (window->answered >= window->items) {
        window->answered -= window->items;
        window->items = smaller(window->items + SEND_WINDOW_STEP, window->max);
    }
}

/* The mean of about the last eight. */
static void measure(struct send_window *window, int64_t round_trip_us)
{
    if (window->round_trip_us == 0) {
        window->round_trip_us = round_trip_us;
    } else {
        window->round_trip_us += (round_trip_us - window->round_trip_us) / 8;
    }
}

static void turn_shed(struct send_window *window, int64_t now_us, uint32_t random)
{
    shrink(window, window->shed_sent_us, now_us);
    window->sheds = window->was_answered ? 1 : window->sheds + 1;
    window->resume_us = now_us + retry_backoff_us(window->sheds, random);
    measure(window, now_us - window->shed_sent_us);
}

static void turn_answered(struct send_window *window, int64_t now_us)
{
    const int64_t round_trip_us = now_us - window->answered_sent_us;
    window->sheds = 0;
    if (round_trip_us > SEND_SLOW_US) {
        shrink(window, window->answered_sent_us, now_us);
    } else {
        grow(window);
    }
    measure(window, round_trip_us);
}

void send_window_turn(struct send_window *window, int64_t now_us, uint32_t random)
{
    if (window->was_shed) {
        turn_shed(window, now_us, random);
    } else if (window->was_answered) {
        turn_answered(window, now_us);
    }
    window->was_shed = false;
    window->was_answered = false;
}

/* --- leaving ------------------------------------------------------------------------------------------------------ */

static bool is_about(const struct send_window *window, enum send_size size, int64_t now_us)
{
    return window->out[size] > 0 || now_us - window->seen_us[size] < SEND_ABOUT_US;
}

static bool is_shared(const struct send_window *window, enum send_size size, int64_t now_us)
{
    return is_about(window, size == SEND_SMALL ? SEND_LARGE : SEND_SMALL, now_us);
}

static size_t limit_of(const struct send_window *window, enum send_size size, int64_t now_us)
{
    if (!is_shared(window, size, now_us)) {
        return window->items;
    }
    return size == SEND_LARGE ? (window->items + SEND_LARGE_PART - 1) / SEND_LARGE_PART : (window->items + 1) / 2;
}

size_t send_window_piece(const struct send_window *window, enum send_size size, int64_t now_us)
{
    const bool cut = size == SEND_LARGE && is_shared(window, size, now_us);
    return smaller(cut ? SEND_LARGE_PIECE : BATCH_ITEMS_MAX, limit_of(window, size, now_us));
}

size_t send_window_allows(struct send_window *window, enum send_size size, size_t waiting, int64_t now_us)
{
    assert(waiting > 0);
    window->seen_us[size] = now_us;
    const size_t limit = limit_of(window, size, now_us);
    const size_t room = limit > window->out[size] ? limit - window->out[size] : 0;
    const size_t count = smaller(waiting, send_window_piece(window, size, now_us));
    return now_us < window->resume_us || room < count ? 0 : count;
}

void send_window_sent(struct send_window *window, enum send_size size, size_t items)
{
    window->out[size] += items;
}

/* --- ends --------------------------------------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void send_window_answered(struct send_window *window, enum send_size size, size_t items, int64_t sent_us)
{
    send_window_forget(window, size, items);
    window->answered_sent_us = window->was_answered ? later(window->answered_sent_us, sent_us) : sent_us;
    window->was_answered = true;
    window->answered += items;
}

void send_window_shed(struct send_window *window, enum send_size size, size_t items, int64_t sent_us)
{
    send_window_forget(window, size, items);
    window->shed_sent_us = window->was_shed ? later(window->shed_sent_us, sent_us) : sent_us;
    window->was_shed = true;
}

void send_window_forget(struct send_window *window, enum send_size size, size_t items)
{
    assert(window->out[size] >= items);
    window->out[size] -= items;
}

int64_t send_window_too_late_us(const struct send_window *window, int64_t now_us)
{
    const bool is_paused = now_us < window->resume_us;
    if (!is_paused && window->out[SEND_SMALL] + window->out[SEND_LARGE] == 0) {
        return now_us;
    }
    const int64_t margin_us = window->round_trip_us + window->round_trip_us / 2;
    return (is_paused ? window->resume_us : now_us) + (margin_us < SEND_MARGIN_MAX_US ? margin_us : SEND_MARGIN_MAX_US);
}
