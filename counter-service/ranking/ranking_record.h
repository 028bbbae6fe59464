/* What is known of one resource in the windows of one counter_type: the value of a field of the hash
 * tally:{p0}:r:<counter_type>. One record for all windows: an event costs one field. Pure functions.
 *
 *     byte      RANKING_RECORD_VERSION
 *     a window  varint tag, then zigzag varints:
 *               calendar  the period of the last event, the sum in it, the sum in the period before it
 *               rolling   the sum in the window, the bucket of the last event, the sum in that bucket; how many buckets
 *                         before that one the first event was: whatever a bucket of before holds is in no sum of this
 *                         record, which was dropped or lost once
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
 * new sum, and of a rolling window the bucket's. */
int64_t ranking_record_add(struct ranking_record *record, const struct ranking_window *window, int64_t period,
                           int64_t delta, int64_t *ret_bucket_sum);
/* A bucket has left a rolling window: takes what it held from the sum. Returns the new sum. */
int64_t ranking_record_let_go(struct ranking_record *record, const struct ranking_window *window, int64_t bucket,
                              int64_t bucket_sum);
/* Whether nothing that may still be asked for is in any of its windows at the time, ms since 1970. */
bool ranking_record_is_over(const struct ranking_record *record, int64_t ms);

#endif
