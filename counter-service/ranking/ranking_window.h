/* The windows of a ranking, and the stretches of time that they count in. Pure functions.
 *
 *     calendar   hour, day, week (ISO 8601: from Monday), month: a ranking for each period, by local time with a fixed
 *                offset from UTC
 *     all        without an end: the counter itself
 *     rolling    the last hour, the last 24 hours: counted in buckets of a 60th of the length (of up to 2 hours) or a
 *                24th of it. Each event counts in its bucket; the window is the running bucket and as many before it as
 *                make up the length, so that nothing older than the length is ever in it
 *
 * Periods and buckets have numbers, which grow by one. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_WINDOW_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "common/config/config.h"

enum ranking_kind { RANKING_KIND_CALENDAR, RANKING_KIND_ALL, RANKING_KIND_ROLLING };

enum {
    RANKING_WINDOWS_MAX = RANKING_CALENDARS + RANKING_ROLLING_MAX,
    RANKING_WINDOW_KEY_SIZE = 16,
    RANKING_PERIOD_SIZE = 16, /* "2026-11-25T14" and its NUL */
};

/* The year 9999 ends, ms since 1970. Entries that somebody else has added may be of any time: they count as of this. */
#define RANKING_TIME_MAX_MS INT64_C(253402300799999)

static inline int64_t ranking_time_of(uint64_t ms)
{
    return ms < (uint64_t)RANKING_TIME_MAX_MS ? (int64_t)ms : RANKING_TIME_MAX_MS;
}

struct ranking_window {
    enum ranking_kind kind;
    enum ranking_calendar calendar; /* RANKING_KIND_CALENDAR */
    int utc_offset_min;             /* RANKING_KIND_CALENDAR */
    int64_t length_ms;              /* RANKING_KIND_ROLLING */
    int64_t bucket_ms;
    int64_t bucket_count;
    char name[RANKING_WINDOW_SIZE];    /* as callers spell it */
    char key[RANKING_WINDOW_KEY_SIZE]; /* in names of Redis's keys: "day", "day+480", of a rolling one "1440m" */
    uint32_t tag;                      /* in records, see ranking_record.h */
};

/* The windows that are configured, the calendar ones first. Returns how many. */
size_t ranking_windows_of(const struct ranking_config *config, struct ranking_window out[RANKING_WINDOWS_MAX]);

bool ranking_tag_is_rolling(uint32_t tag);
/* The window of a tag that a record has, configured or not. False if it is none. */
bool ranking_window_of_tag(uint32_t tag, struct ranking_window *ret_window) MUST_CHECK;

/* The number of the period or bucket that holds the time, ms since 1970; 0 of "all". */
int64_t ranking_period_at(const struct ranking_window *window, int64_t ms);
/* The time at which it begins, ms since 1970; INT64_MIN of "all". */
int64_t ranking_period_start(const struct ranking_window *window, int64_t period);
/* The first time at which an event counts in it: of a rolling window the beginning of the oldest bucket of which
 * `period` is the newest. */
int64_t ranking_period_first_ms(const struct ranking_window *window, int64_t period);

/* "2026-11-25T14", "2026-11-25", "2026-W48", "2026-11"; "" unless the window is a calendar one. */
void ranking_period_name(const struct ranking_window *window, int64_t period, char out[RANKING_PERIOD_SIZE]);
/* False if name is none of the window's, a calendar one's, periods. Years are 1970 to 9999. */
bool ranking_period_parse(const struct ranking_window *window, struct text name, int64_t *ret_period) MUST_CHECK;

#endif
