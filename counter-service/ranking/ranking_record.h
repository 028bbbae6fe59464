/* What is known of one resource in the windows of one counter_type: the value of a field of the hash
 * tally:{p0}:r:<counter_type>. One record for all windows: an event costs one field. Pure functions.
 *
 *     byte      RANKING_RECORD_VERSION
 *     a window  varint tag, then zigzag varints:
 *               calendar  the period of the last event, the sum in it, the sum in the period before it
 *               rolling   the sum in the window, the bucket of the last event, the sum in that bucket; how many buckets
 *                         before that one the first event was, doubled, and 1 more if the record is ahead of its bucket
 *
 * A bucket gets a resource with its first event there; what the next ones add stands in the record alone, and goes to
 * the bucket when the resource leaves it for the next one. Whatever a bucket before the record's first holds is in no
 * sum of this record, which was dropped or lost once.
 *
 * A window's tag is the same for ever, so that a record outlives a change of the configuration: windows that are not
 * configured stay as they are. "all" has no place here: its sum is the counter itself. Sums are modulo 2^64: one that
 * leaves the range of int64 is right again when it has come back. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_RECORD_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/text.h"
#include "counter-service/ranking/ranking_window.h"

enum {
    RANKING_RECORD_VERSION = 1,
    RANKING_RECORD_WINDOWS_MAX = 16,
    RANKING_RECORD_LEN_MAX = 1 + RANKING_RECORD_WINDOWS_MAX * 5 * 10,
};

struct ranking_calendar_sum {
    int64_t period;
    int64_t sum;
    int64_t before;
};
struct ranking_rolling_sum {
    int64_t sum;
    int64_t bucket;
    int64_t bucket_sum;
    int64_t first; /* bucket of the first event */
    bool is_ahead; /* the bucket does not hold all of bucket_sum */
};

/* What an event changes in the buckets of a rolling window. */
struct ranking_bucket_change {
    bool enters;  /* the resource comes into the running bucket, which is to hold what the event added */
    bool leaves;  /* a bucket of before is to hold this of it: */
    int64_t left; /* which */
    int64_t left_sum;
};

struct ranking_record {
    size_t count;
    struct {
        uint32_t tag;
        union {
            struct ranking_calendar_sum calendar;
            struct ranking_rolling_sum rolling;
        };
    } windows[RANKING_RECORD_WINDOWS_MAX];
};

/* packed: empty is a record without windows. Returns 0, or -1 if it is none. */
int ranking_record_unpack(struct text packed, struct ranking_record *ret_record) MUST_CHECK;
/* Returns its length; out has room for RANKING_RECORD_LEN_MAX. */
size_t ranking_record_pack(const struct ranking_record *record, char *out);

/* The sum in a period of a calendar window, 0 if the record knows none; in a rolling window (period is ignored). */
int64_t ranking_record_sum(const struct ranking_record *record, const struct ranking_window *window, int64_t period);

/* If there may not be room for all windows with these tags, RANKING_WINDOWS_MAX at most, the others leave: they are
 * configured no more. */
void ranking_record_make_room(struct ranking_record *record, const uint32_t *tags, size_t tag_count);
/* Adds delta to the window, for which there is room: in the period or bucket, none before the last event's. Returns the
 * new sum. *ret_change: filled for a rolling window. */
int64_t ranking_record_add(struct ranking_record *record, const struct ranking_window *window, int64_t period,
                           int64_t delta, struct ranking_bucket_change *ret_change);
/* A bucket has left a rolling window, which holds so much of the resource: takes what was counted in it from the sum.
 * Returns the new sum. */
int64_t ranking_record_let_go(struct ranking_record *record, const struct ranking_window *window, int64_t bucket,
                              int64_t held);
/* Whether nothing that may still be asked for is in any of its windows at the time, ms since 1970. */
bool ranking_record_is_over(const struct ranking_record *record, int64_t ms);

#endif
