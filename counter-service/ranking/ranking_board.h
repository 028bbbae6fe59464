/* How far one window of one counter_type is ranked: what stands in the hash tally:{p0}:rankings, beside the strings
 * that tell who is among the best. Pure functions.
 *
 *     field of tally:{p0}:rankings    its value
 *     v                               who wrote last and how often: "<token>:<count>"; every write moves it on
 *     at                              "<entry> <number>": all events up to that one are in the rankings
 *     t                               their time, ms since 1970; until the next event there is nothing to change before
 *     new                             all that was ever counted is in the outbox or in the rankings
 *     uncounted                       an instance that adds no events to the outbox has come: what it counts is missing
 *     next                            this time, at which a period or bucket begins
 *     fed                             the windows that the leader keeps up: " like:day  like:60m "; others lack events
 *     part                            a chunk of events that is under way (ranking_part.h)
 *     b:<type>:<window>               a board: "<period> <oldest> <newest> <filling>"
 *     s:<type>:<window>:<slot>        a top of it: "<since> <generation> <length> <members>", and if it is bounded
 *                                     " <score> <resource_id>" of its floor
 *
 *     tally:{p0}:uncounted            STRING, as long as an instance is connected that adds no events to the outbox
 *     tally:{p0}:r:<type>             HASH of records (ranking_record.h)
 *     tally:{p0}:r:<type>:<window>:<slot>       STRING of a top (ranking_places.h)
 *     tally:{p0}:r:<type>:<window>:b<bucket>    HASH, what a bucket of a rolling window holds: resource_id -> sum when
 *                                               it came into it, or left it (ranking_record.h)
 *
 * A calendar window has two tops: the running period's and that of the one before, in the slots 0 and 1 by their number
 * modulo 2. Others have slot 0. A top keeps the best `keep` resources and some more. It is bounded once a resource was
 * left out: its floor is the best place that may be outside. All resources whose place is better are in it, all others
 * are not: so the first K of it are the true ones while it has K members. A string that is not as long as is written is
 * damaged, or gone: nobody knows who was in it. Between two writes of the same generation it only grew. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_BOARD_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "common/contract/limits.h"
#include "counter-service/ranking/ranking_place.h"
#include "counter-service/ranking/ranking_window.h"

enum {
    RANKING_SLOTS = 2,
    RANKING_TYPE_KEY_MAX = 2 + COUNTER_TYPE_LEN_MAX,
    /* Of names behind a partition's prefix, and of fields; with a NUL. */
    RANKING_KEY_SIZE = RANKING_TYPE_KEY_MAX + 1 + RANKING_WINDOW_KEY_SIZE + 2 + 20 + 1,
    RANKING_BOARD_TEXT_SIZE = 4 * 21 + 8,
    RANKING_TOP_TEXT_SIZE = 5 * 21 + RESOURCE_ID_LEN_MAX + 1,
};

/* Fields of the state. */
#define RANKING_FIELD_VERSION TEXT("v")
#define RANKING_FIELD_AT TEXT("at")
#define RANKING_FIELD_TIME TEXT("t")
#define RANKING_FIELD_NEXT TEXT("next")
#define RANKING_FIELD_NEW TEXT("new")
#define RANKING_FIELD_UNCOUNTED TEXT("uncounted")
#define RANKING_FIELD_FED TEXT("fed")
#define RANKING_FIELD_PART TEXT("part")

/* In `at`, of rankings that were turned on in the midst of things: no event follows it. */
#define RANKING_NUMBER_UNKNOWN ((uint64_t)(INT64_MAX - 1))

struct ranking_top {
    int64_t since_ms;   /* events before may be missing; INT64_MIN: none is */
    int64_t generation; /* how often the string was written as a whole */
    int64_t length;     /* of the string, bytes */
    int64_t members;
    bool is_bounded;
    struct ranking_place floor; /* if is_bounded */
};

struct ranking_board {
    int64_t period; /* the running one, or the newest bucket that has begun */
    /* Rolling: the buckets that hold anything are oldest..newest; newest < oldest: none does. */
    int64_t oldest;
    int64_t newest;
    bool filling; /* a scan makes its running top anew */
    struct ranking_top tops[RANKING_SLOTS];
};

/* The slot of a period. */
static inline size_t ranking_slot(const struct ranking_window *window, int64_t period)
{
    return window->kind == RANKING_KIND_CALENDAR ? (size_t)(period & 1) : 0;
}
static inline size_t ranking_slot_count(const struct ranking_window *window)
{
    return window->kind == RANKING_KIND_CALENDAR ? RANKING_SLOTS : 1;
}

/* Whether a resource of that score has a place in the top, as far as its floor lets it: then it is a member, and only
 * then. */
bool ranking_top_has(const struct ranking_top *top, int64_t score, struct text resource_id);
/* A top that nobody is in yet, and everybody is outside of. */
struct ranking_top ranking_top_unfilled(int64_t since_ms);

/* Whether these are numbers that a board of the window may have: what stands in Redis may be anybody's. */
bool ranking_board_is_sane(const struct ranking_board *board, const struct ranking_window *window);

/* A rolling window has buckets that have left it, and are still in its sums. */
bool ranking_board_lets_go(const struct ranking_board *board, const struct ranking_window *window);

/* ---- names: behind a partition's prefix; out has RANKING_KEY_SIZE ---- */

#define RANKING_STATE_KEY TEXT("rankings")
#define RANKING_LEASE_KEY TEXT("lease:rankings")
/* There for some seconds after each heartbeat of an instance that counts and adds no events. */
#define RANKING_UNCOUNTED_KEY TEXT("uncounted")

struct text ranking_records_key(char *out, struct text counter_type);
struct text ranking_top_key(char *out, struct text counter_type, const struct ranking_window *window, size_t slot);
struct text ranking_bucket_key(char *out, struct text counter_type, const struct ranking_window *window,
                               int64_t bucket);
/* Fields of the state. */
struct text ranking_board_field(char *out, struct text counter_type, const struct ranking_window *window);
struct text ranking_top_field(char *out, struct text counter_type, const struct ranking_window *window, size_t slot);

/* ---- values of these fields ---- */

/* A window's part of `fed`, in out of RANKING_KEY_SIZE: the field is those of all windows, one behind the other. */
struct text ranking_fed_name(char *out, struct text counter_type, const struct ranking_window *window);
bool ranking_fed_has_window(struct text fed, struct text counter_type, const struct ranking_window *window);

/* Returns the text, in out. */
struct text ranking_board_put(char out[RANKING_BOARD_TEXT_SIZE], const struct ranking_board *board);
/* Everything but the tops. False if text is none. */
bool ranking_board_read(struct text text, struct ranking_board *board) MUST_CHECK;
struct text ranking_top_put(char out[RANKING_TOP_TEXT_SIZE], const struct ranking_top *top);
bool ranking_top_read(struct text text, struct ranking_top *ret_top) MUST_CHECK;

#endif
