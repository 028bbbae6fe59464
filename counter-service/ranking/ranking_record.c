#include "counter-service/ranking/ranking_record.h"

#include <assert.h>
#include <string.h>

#include "common/base/varint.h"
#include "common/base/wrap.h"

/* ---- packing ---- */

static int64_t doubled(int64_t number, bool odd)
{
    return (int64_t)(((uint64_t)number << 1) | odd);
}

enum { CALENDAR_NUMBERS = 3, ROLLING_NUMBERS = 4 };

static size_t numbers_of(uint32_t tag)
{
    return ranking_tag_is_rolling(tag) ? ROLLING_NUMBERS : CALENDAR_NUMBERS;
}

static bool take_window(struct text *rest, struct ranking_record *record)
{
    uint64_t tag;
    int64_t numbers[ROLLING_NUMBERS] = {0};
    if (record->count == RANKING_RECORD_WINDOWS_MAX || !varint_take(rest, &tag) || tag > UINT32_MAX) {
        return false;
    }
    for (size_t i = 0; i < numbers_of((uint32_t)tag); i++) {
        uint64_t number;
        if (!varint_take(rest, &number)) {
            return false;
        }
        numbers[i] = varint_unzigzag(number);
    }
    const size_t i = record->count++;
    record->windows[i].tag = (uint32_t)tag;
    if (ranking_tag_is_rolling((uint32_t)tag)) {
        record->windows[i].rolling = (struct ranking_rolling_sum){
            .sum = numbers[0],
            .bucket = numbers[1],
            .bucket_sum = numbers[2],
            .first = wrap_subtract(numbers[1], numbers[3] >> 1),
            .is_ahead = (numbers[3] & 1) != 0,
        };
    } else {
        record->windows[i].calendar = (struct ranking_calendar_sum){numbers[0], numbers[1], numbers[2]};
    }
    return true;
}

int ranking_record_unpack(struct text packed, struct ranking_record *ret_record)
{
    ret_record->count = 0;
    if (packed.len == 0) {
        return 0;
    }
    struct text rest = {packed.data + 1, packed.len - 1};
    if (packed.data[0] != RANKING_RECORD_VERSION) {
        return -1;
    }
    while (rest.len > 0) {
        if (!take_window(&rest, ret_record)) {
            return -1;
        }
    }
    return 0;
}

static char *put_numbers(char *at, const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        at = varint_put(at, varint_zigzag(numbers[i]));
    }
    return at;
}

static char *put_calendar(char *at, const struct ranking_calendar_sum *sums)
{
    const int64_t numbers[CALENDAR_NUMBERS] = {sums->period, sums->sum, sums->before};
    return put_numbers(at, numbers, CALENDAR_NUMBERS);
}

static char *put_rolling(char *at, const struct ranking_rolling_sum *sums)
{
    const int64_t numbers[ROLLING_NUMBERS] = {sums->sum, sums->bucket, sums->bucket_sum,
                                              doubled(wrap_subtract(sums->bucket, sums->first), sums->is_ahead)};
    return put_numbers(at, numbers, ROLLING_NUMBERS);
}

size_t ranking_record_pack(const struct ranking_record *record, char *out)
{
    char *at = out;
    *at++ = RANKING_RECORD_VERSION;
    for (size_t i = 0; i < record->count; i++) {
        const uint32_t tag = record->windows[i].tag;
        at = varint_put(at, tag);
        at = ranking_tag_is_rolling(tag) ? put_rolling(at, &record->windows[i].rolling)
                                         : put_calendar(at, &record->windows[i].calendar);
    }
    assert(at - out <= RANKING_RECORD_LEN_MAX);
    return (size_t)(at - out);
}

/* ---- windows ---- */

/* record->count if it is not there. */
static size_t place_of(const struct ranking_record *record, const struct ranking_window *window)
{
    size_t i = 0;
    while (i < record->count && record->windows[i].tag != window->tag) {
        i++;
    }
    return i;
}

static size_t take_place(struct ranking_record *record, const struct ranking_window *window)
{
    size_t i = place_of(record, window);
    if (i == record->count) {
        assert(record->count < RANKING_RECORD_WINDOWS_MAX); /* ranking_record_make_room */
        record->count++;
        memset(&record->windows[i], 0, sizeof(record->windows[i]));
        record->windows[i].tag = window->tag;
    }
    return i;
}

void ranking_record_make_room(struct ranking_record *record, const uint32_t *tags, size_t tag_count)
{
    size_t kept = 0;
    if (record->count + tag_count <= RANKING_RECORD_WINDOWS_MAX) {
        return;
    }
    for (size_t i = 0; i < record->count; i++) {
        size_t k = 0;
        while (k < tag_count && tags[k] != record->windows[i].tag) {
            k++;
        }
        if (k < tag_count) {
            record->windows[kept++] = record->windows[i];
        }
    }
    record->count = kept;
}

static int64_t sum_in(const struct ranking_calendar_sum *sums, int64_t period)
{
    return sums->period == period ? sums->sum : sums->period == period + 1 ? sums->before : 0;
}

int64_t ranking_record_sum(const struct ranking_record *record, const struct ranking_window *window, int64_t period)
{
    const size_t i = place_of(record, window);
    if (i == record->count) {
        return 0;
    }
    return window->kind == RANKING_KIND_ROLLING ? record->windows[i].rolling.sum
                                                : sum_in(&record->windows[i].calendar, period);
}

static int64_t add_rolling(struct ranking_rolling_sum *sums, int64_t bucket, int64_t delta,
                           struct ranking_bucket_change *ret_change)
{
    const bool enters = sums->bucket != bucket;
    *ret_change = (struct ranking_bucket_change){
        .enters = enters,
        .leaves = enters && sums->is_ahead,
        .left = sums->bucket,
        .left_sum = sums->bucket_sum,
    };
    sums->sum = wrap_add(sums->sum, delta);
    sums->bucket_sum = enters ? delta : wrap_add(sums->bucket_sum, delta);
    sums->bucket = bucket;
    sums->is_ahead = !enters;
    return sums->sum;
}

int64_t ranking_record_add(struct ranking_record *record, const struct ranking_window *window, int64_t period,
                           int64_t delta, struct ranking_bucket_change *ret_change)
{
    const bool is_new = place_of(record, window) == record->count;
    const size_t i = take_place(record, window);
    if (window->kind == RANKING_KIND_ROLLING) {
        struct ranking_rolling_sum *sums = &record->windows[i].rolling;
        if (is_new) {
            *sums = (struct ranking_rolling_sum){.bucket = period - 1, .first = period};
        }
        return add_rolling(sums, period, delta, ret_change);
    }
    struct ranking_calendar_sum *sums = &record->windows[i].calendar;
    const int64_t before = sums->period == period ? sums->before : sum_in(sums, period - 1);
    *sums = (struct ranking_calendar_sum){period, wrap_add(sum_in(sums, period), delta), before};
    return sums->sum;
}

int64_t ranking_record_let_go(struct ranking_record *record, const struct ranking_window *window, int64_t bucket,
                              int64_t held)
{
    const size_t i = place_of(record, window);
    if (i == record->count) {
        return 0;
    }
    struct ranking_rolling_sum *sums = &record->windows[i].rolling;
    if (bucket < sums->first) {
        return sums->sum; /* the record was lost since: nothing of the bucket is in it */
    }
    if (sums->bucket == bucket) {
        sums->sum = wrap_subtract(sums->sum, sums->bucket_sum);
        sums->bucket_sum = 0;
        sums->is_ahead = false;
    } else {
        sums->sum = wrap_subtract(sums->sum, held);
    }
    return sums->sum;
}

static bool window_is_over(const struct ranking_record *record, size_t i, int64_t ms)
{
    struct ranking_window window;
    if (!ranking_window_of_tag(record->windows[i].tag, &window)) {
        return true;
    }
    const int64_t period = ranking_period_at(&window, ms);
    if (window.kind == RANKING_KIND_ROLLING) {
        const struct ranking_rolling_sum *sums = &record->windows[i].rolling;
        return sums->sum == 0 && sums->bucket <= period - window.bucket_count;
    }
    const struct ranking_calendar_sum *sums = &record->windows[i].calendar;
    return sum_in(sums, period) == 0 && sum_in(sums, period - 1) == 0;
}

bool ranking_record_is_over(const struct ranking_record *record, int64_t ms)
{
    for (size_t i = 0; i < record->count; i++) {
        if (!window_is_over(record, i, ms)) {
            return false;
        }
    }
    return true;
}
