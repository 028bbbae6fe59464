#include "counter-service/ranking/ranking_window.h"

#include <stdio.h>
#include <time.h>

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_HOURS = 24,
    DAY_MS = DAY_HOURS * HOUR_MS,
    WEEK_DAYS = 7,
    YEAR_MONTHS = 12,
    /* 1970-01-01 was the fourth day of its week. */
    WEEK_SHIFT_DAYS = 3,
    FINE_BUCKETS = 60,
    COARSE_BUCKETS = 24,
    FINE_UP_TO_MS = 2 * HOUR_MS,
    ROLLING_MINUTES_MAX = 31 * DAY_HOURS * 60,
    OFFSET_MIN = -12 * 60,
    OFFSET_MAX = 14 * 60,
    /* Of tags: 0 is none. A calendar window by UTC has a short one. */
    CALENDAR_TAG = 1,
    ROLLING_TAG = 16,
    OFFSET_TAG = 1 << 16,
    OFFSET_TAGS = 8, /* of one offset */
};

static const struct {
    const char *name;
    const char *format; /* strftime(3) */
} calendars[] = {
    [RANKING_HOUR] = {"hour", "%Y-%m-%dT%H"}, [RANKING_DAY] = {"day", "%Y-%m-%d"}, [RANKING_WEEK] = {"week", "%G-W%V"},
    [RANKING_MONTH] = {"month", "%Y-%m"},     [RANKING_ALL] = {"all", ""},
};
_Static_assert(sizeof(calendars) / sizeof(calendars[0]) == RANKING_CALENDARS, "a row for each");

static struct ranking_window calendar_window(enum ranking_calendar calendar, int utc_offset_min)
{
    const bool is_all = calendar == RANKING_ALL;
    const int offset_min = is_all ? 0 : utc_offset_min;
    struct ranking_window window = {
        .kind = is_all ? RANKING_KIND_ALL : RANKING_KIND_CALENDAR,
        .calendar = calendar,
        .utc_offset_min = offset_min,
        .tag = (uint32_t)calendar +
               (offset_min == 0 ? CALENDAR_TAG : (uint32_t)(OFFSET_TAG + OFFSET_TAGS * (offset_min - OFFSET_MIN))),
    };
    snprintf(window.name, sizeof(window.name), "%s", calendars[calendar].name);
    if (offset_min == 0) {
        snprintf(window.key, sizeof(window.key), "%s", window.name);
    } else {
        snprintf(window.key, sizeof(window.key), "%s%+d", window.name, offset_min);
    }
    return window;
}

static struct ranking_window rolling_window(const char *name, int64_t length_ms)
{
    const int minutes = (int)(length_ms / MINUTE_MS);
    const int64_t buckets = length_ms <= FINE_UP_TO_MS ? FINE_BUCKETS : COARSE_BUCKETS;
    struct ranking_window window = {
        .kind = RANKING_KIND_ROLLING,
        .length_ms = length_ms,
        .bucket_ms = length_ms / buckets,
        .bucket_count = buckets,
        .tag = ROLLING_TAG + (uint32_t)minutes,
    };
    snprintf(window.name, sizeof(window.name), "%s", name);
    snprintf(window.key, sizeof(window.key), "%dm", minutes);
    return window;
}

size_t ranking_windows_of(const struct ranking_config *config, struct ranking_window out[RANKING_WINDOWS_MAX])
{
    size_t count = 0;
    for (int i = 0; i < RANKING_CALENDARS; i++) {
        if (config->calendar[i]) {
            out[count++] = calendar_window((enum ranking_calendar)i, config->utc_offset_min);
        }
    }
    for (size_t i = 0; i < config->rolling_count; i++) {
        out[count++] = rolling_window(config->rolling[i].name, config->rolling[i].length_ms);
    }
    return count;
}

bool ranking_tag_is_rolling(uint32_t tag)
{
    return tag > ROLLING_TAG && tag <= ROLLING_TAG + ROLLING_MINUTES_MAX;
}

bool ranking_window_of_tag(uint32_t tag, struct ranking_window *ret_window)
{
    uint32_t calendar = tag - CALENDAR_TAG;
    int offset_min = 0;
    if (ranking_tag_is_rolling(tag)) {
        *ret_window = rolling_window("", (int64_t)(tag - ROLLING_TAG) * MINUTE_MS);
        return true;
    }
    if (tag >= OFFSET_TAG) {
        calendar = (tag - OFFSET_TAG) % OFFSET_TAGS;
        offset_min = (int)((tag - OFFSET_TAG) / OFFSET_TAGS) + OFFSET_MIN;
    }
    if (calendar >= RANKING_ALL || offset_min > OFFSET_MAX) {
        return false;
    }
    *ret_window = calendar_window((enum ranking_calendar)calendar, offset_min);
    return true;
}

/* ---- numbers ---- */

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value >= 0 ? value / by : -((-value + by - 1) / by);
}

/* Of local time, in the fields of gmtime. */
static struct tm broken_down(int64_t local_ms)
{
    const time_t seconds = (time_t)floor_divide(local_ms, 1000);
    struct tm tm = {.tm_year = 70};
    gmtime_r(&seconds, &tm);
    return tm;
}

int64_t ranking_period_at(const struct ranking_window *window, int64_t ms)
{
    if (window->kind == RANKING_KIND_ROLLING) {
        return floor_divide(ms, window->bucket_ms);
    }
    const int64_t local_ms = ms + (int64_t)window->utc_offset_min * MINUTE_MS;
    switch (window->calendar) {
    case RANKING_HOUR:
        return floor_divide(local_ms, HOUR_MS);
    case RANKING_DAY:
        return floor_divide(local_ms, DAY_MS);
    case RANKING_WEEK:
        return floor_divide(floor_divide(local_ms, DAY_MS) + WEEK_SHIFT_DAYS, WEEK_DAYS);
    case RANKING_MONTH: {
        const struct tm tm = broken_down(local_ms);
        return (int64_t)(tm.tm_year - 70) * YEAR_MONTHS + tm.tm_mon;
    }
    default:
        return 0;
    }
}

static int64_t month_start_ms(int64_t month)
{
    struct tm tm = {.tm_year = (int)(70 + floor_divide(month, YEAR_MONTHS)), .tm_mday = 1};
    tm.tm_mon = (int)(month - floor_divide(month, YEAR_MONTHS) * YEAR_MONTHS);
    return (int64_t)timegm(&tm) * 1000;
}

/* By local time. */
static int64_t local_start_ms(enum ranking_calendar calendar, int64_t period)
{
    switch (calendar) {
    case RANKING_HOUR:
        return period * HOUR_MS;
    case RANKING_DAY:
        return period * DAY_MS;
    case RANKING_WEEK:
        return (period * WEEK_DAYS - WEEK_SHIFT_DAYS) * DAY_MS;
    default:
        return month_start_ms(period);
    }
}

int64_t ranking_period_start(const struct ranking_window *window, int64_t period)
{
    switch (window->kind) {
    case RANKING_KIND_ROLLING:
        return period * window->bucket_ms;
    case RANKING_KIND_CALENDAR:
        return local_start_ms(window->calendar, period) - (int64_t)window->utc_offset_min * MINUTE_MS;
    default:
        return INT64_MIN;
    }
}

/* ---- names ---- */

int64_t ranking_period_first_ms(const struct ranking_window *window, int64_t period)
{
    const bool is_rolling = window->kind == RANKING_KIND_ROLLING;
    return ranking_period_start(window, is_rolling ? period - window->bucket_count + 1 : period);
}

void ranking_period_name(const struct ranking_window *window, int64_t period, char out[RANKING_PERIOD_SIZE])
{
    out[0] = '\0';
    if (window->kind == RANKING_KIND_CALENDAR) {
        const struct tm tm = broken_down(local_start_ms(window->calendar, period));
        if (strftime(out, RANKING_PERIOD_SIZE, calendars[window->calendar].format, &tm) == 0) {
            out[0] = '\0';
        }
    }
}

static bool take_number(struct text *rest, size_t digits, int *ret_number)
{
    int number = 0;
    if (rest->len < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (rest->data[i] < '0' || rest->data[i] > '9') {
            return false;
        }
        number = number * 10 + (rest->data[i] - '0');
    }
    *rest = (struct text){rest->data + digits, rest->len - digits};
    *ret_number = number;
    return true;
}

static bool take_mark(struct text *rest, struct text mark)
{
    if (!text_starts_with(*rest, mark)) {
        return false;
    }
    *rest = (struct text){rest->data + mark.len, rest->len - mark.len};
    return true;
}

/* The period of a time of so many days and hours after 1970 by local time. */
static int64_t period_at_local(const struct ranking_window *window, int64_t days, int hour)
{
    const int64_t local_ms = (days * DAY_HOURS + hour) * HOUR_MS;
    return ranking_period_at(window, local_ms - (int64_t)window->utc_offset_min * MINUTE_MS);
}

static bool parse_week(const struct ranking_window *window, struct text rest, int year, int64_t *ret_period)
{
    int week;
    if (!take_mark(&rest, TEXT("-W")) || !take_number(&rest, 2, &week) || week < 1) {
        return false;
    }
    /* The fourth of January is always in the first week. */
    struct tm tm = {.tm_year = year - 1900, .tm_mday = 4};
    const int64_t first = period_at_local(window, (int64_t)timegm(&tm) * 1000 / DAY_MS, 0);
    *ret_period = first + week - 1;
    return true;
}

static bool parse_date(const struct ranking_window *window, struct text rest, int year, int64_t *ret_period)
{
    int month;
    int day = 1;
    int hour = 0;
    if (!take_mark(&rest, TEXT("-")) || !take_number(&rest, 2, &month) ||
        (window->calendar != RANKING_MONTH && (!take_mark(&rest, TEXT("-")) || !take_number(&rest, 2, &day))) ||
        (window->calendar == RANKING_HOUR && (!take_mark(&rest, TEXT("T")) || !take_number(&rest, 2, &hour)))) {
        return false;
    }
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    *ret_period = period_at_local(window, (int64_t)timegm(&tm) * 1000 / DAY_MS, hour);
    return true;
}

bool ranking_period_parse(const struct ranking_window *window, struct text name, int64_t *ret_period)
{
    struct text rest = name;
    char exact[RANKING_PERIOD_SIZE];
    int64_t period;
    int year;
    if (window->kind != RANKING_KIND_CALENDAR || !take_number(&rest, 4, &year) || year < 1970) {
        return false;
    }
    const bool is_parsed = window->calendar == RANKING_WEEK ? parse_week(window, rest, year, &period)
                                                            : parse_date(window, rest, year, &period);
    if (!is_parsed) {
        return false;
    }
    /* The 31st of April, the 53rd week of most years, and whatever follows: they are called otherwise. */
    ranking_period_name(window, period, exact);
    if (!text_equal(text_of(exact), name)) {
        return false;
    }
    *ret_period = period;
    return true;
}
