/* How many items a loop may have out at counter-service, so that what the service cannot take yet waits here, where its
 * deadline is known. Increments and reads share it: they stand in one queue of the service and in one Redis.
 *
 *     answers: a little larger for each window of items answered ──> window ──> a slow answer: half, once a round trip
 *                                                                          └──> STATUS_SHED: the same, and nothing
 *                                                                               leaves for a moment
 *
 * Operations of small and of large requests are told apart. While both are about small ones may have half of the window
 * and large ones a fifth, in small pieces: a single increment is never behind more than that of somebody's batch, and
 * neither starves. The fifth costs large requests a sixth of their rate, and small ones wait half as long as with a
 * half (2 cores that also carry the clients).
 *
 * Pure: times are monotonic, and come as arguments. Owned by the batcher. */
#ifndef TALLY_GATEWAY_BATCH_SEND_WINDOW_H
#define TALLY_GATEWAY_BATCH_SEND_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract/limits.h"

enum send_size { SEND_SMALL, SEND_LARGE, SEND_SIZES };

enum {
    /* A request of at most so many operations is a small one. */
    SEND_SMALL_MAX = 8,
    /* The window shrinks to no less than one full RPC: with less the service would idle between two RPCs. */
    SEND_WINDOW_MIN = BATCH_ITEMS_MAX,
    /* It grows by so much for each window of items answered. */
    SEND_WINDOW_STEP = 100,
    /* An answer that took longer is a sign of too much: a few times what a full window takes where Redis is well. */
    SEND_SLOW_US = 100 * 1000,
    /* While small requests are about: the part of the window that large ones may have, and the largest RPC of theirs,
     * which keeps Redis busy for less than half a millisecond. */
    SEND_LARGE_PART = 5,
    SEND_LARGE_PIECE = 200,
    /* A size counts as being about while items of it are out, and for so long after it last had one to send. */
    SEND_ABOUT_US = 1000 * 1000,
    /* An item due within one and a half round trips is not sent; but the margin is never more than this. */
    SEND_MARGIN_MAX_US = 250 * 1000,
};

struct send_window {
    size_t max;   /* immutable */
    size_t items; /* now: SEND_WINDOW_MIN (or max, if that is less) to max */
    size_t out[SEND_SIZES];
    size_t answered; /* since it grew last */
    int64_t seen_us[SEND_SIZES];
    int64_t shrunk_us; /* when it shrank last */
    int64_t resume_us; /* nothing leaves before */
    unsigned sheds;    /* turns in a row with nothing but sheds */
    int64_t round_trip_us;
    /* What has ended since the last turn. */
    bool was_shed;
    bool was_answered;
    int64_t shed_sent_us; /* when the youngest of those that were shed had left */
    int64_t answered_sent_us;
};

/* The window starts at its largest: the service says what it cannot take. */
void send_window_init(struct send_window *window, size_t max);

/* Takes what has ended since the last turn into account. random: 32 even random bits. */
void send_window_turn(struct send_window *window, int64_t now_us, uint32_t random);

/* How many of the `waiting` items (at least 1) may leave now, in one RPC; 0: none, until something ends or until
 * resume_us. Else all that wait or a full piece (send_window_piece), never only what is left of the window. */
size_t send_window_allows(struct send_window *window, enum send_size size, size_t waiting, int64_t now_us);
/* The most that send_window_allows lets leave in one RPC now, if enough wait. */
size_t send_window_piece(const struct send_window *window, enum send_size size, int64_t now_us);
void send_window_sent(struct send_window *window, enum send_size size, size_t items);

/* The end of an RPC, which had left at sent_us; in one of three ways. */
void send_window_answered(struct send_window *window, enum send_size size, size_t items, int64_t sent_us);
void send_window_shed(struct send_window *window, enum send_size size, size_t items, int64_t sent_us);
/* An end that says nothing of what the service can take. */
void send_window_forget(struct send_window *window, enum send_size size, size_t items);

/* The time up to which a deadline is too near: an item due by then is not worth sending. It is now_us while nothing is
 * out and no pause lasts, so that some item always measures the round trip. */
int64_t send_window_too_late_us(const struct send_window *window, int64_t now_us);

#endif
