#include "common/config/config_ranking.h"

#include <stdlib.h>
#include <string.h>

#include "common/config/config_check.h"
#include "common/config/config_schema.h"
#include "common/config/config_units.h"
#include "common/contract/counter_rules.h"

enum { MINUTE_MS = 60 * 1000, UTC_OFFSET_MIN_MIN = -12 * 60, UTC_OFFSET_MAX_MIN = 14 * 60, QUOTED_LEN_MAX = 64 };

static const char *const calendar_names[] = {
    [RANKING_HOUR] = "hour",   [RANKING_DAY] = "day", [RANKING_WEEK] = "week",
    [RANKING_MONTH] = "month", [RANKING_ALL] = "all", NULL,
};

const char *config_ranking_calendar_name(enum ranking_calendar calendar)
{
    return calendar_names[calendar];
}

/* Keys of an entry whose rules are those of other keys too. A list's row is that of an item. */
static const struct config_key windows_key = {.path = "windows", .type = CONFIG_CHOICE, .choices = calendar_names};
static const struct config_key rolling_key = {.path = "rolling", .type = CONFIG_DURATION, .min = "1m", .max = "744h"};
static const struct config_key keep_key = {
    .path = "keep", .type = CONFIG_COUNT, .initial = "10000", .min = "10", .max = "100000"};
static const struct config_key cache_ttl_key = {
    .path = "cache_ttl", .type = CONFIG_DURATION, .initial = "1s", .min = "0s", .max = "1m"};

/* text: NULL where the entry does not have the key. */
static int read_number(const struct config_key *key, const char *text, int64_t *ret_number, struct error *error)
{
    struct error rule;
    if (config_check_number(key, text != NULL ? text : key->initial, ret_number, &rule) != 0) {
        error_set(error, "%s %s", key->path, rule.message);
        return -1;
    }
    return 0;
}

static int read_counter_type(const char *text, struct ranking_config *ranking, struct error *error)
{
    if (text == NULL || config_text_is_null(text)) {
        error_set(error, "counter_type must have a value");
        return -1;
    }
    const char *rule = counter_rules_counter_type(text_of(text));
    if (rule != NULL) {
        error_set(error, "%s, not \"%.*s\"", rule, QUOTED_LEN_MAX, text);
        return -1;
    }
    ranking->counter_type = strdup(text);
    if (ranking->counter_type == NULL) {
        error_set(error, "counter_type: out of memory");
        return -1;
    }
    return 0;
}

static int add_window(struct ranking_config *ranking, const char *text, struct error *error)
{
    int64_t window;
    if (read_number(&windows_key, text, &window, error) != 0) {
        return -1;
    }
    if (ranking->calendar[window]) {
        error_set(error, "windows must have %s only once", text);
        return -1;
    }
    ranking->calendar[window] = true;
    return 0;
}

static int add_rolling(struct ranking_config *ranking, const char *text, struct error *error)
{
    const size_t text_len = strlen(text);
    int64_t length_ms;
    if (read_number(&rolling_key, text, &length_ms, error) != 0) {
        return -1;
    }
    if (length_ms % MINUTE_MS != 0 || text_len >= RANKING_WINDOW_SIZE) {
        error_set(error, "rolling must be whole minutes, in at most %d characters, not \"%.*s\"",
                  RANKING_WINDOW_SIZE - 1, QUOTED_LEN_MAX, text);
        return -1;
    }
    for (size_t i = 0; i < ranking->rolling_count; i++) {
        if (ranking->rolling[i].length_ms == length_ms) {
            error_set(error, "rolling must have each length only once: %s is %s", text, ranking->rolling[i].name);
            return -1;
        }
    }
    if (ranking->rolling_count == RANKING_ROLLING_MAX) {
        error_set(error, "rolling must have at most %d items", RANKING_ROLLING_MAX);
        return -1;
    }
    struct ranking_rolling *rolling = &ranking->rolling[ranking->rolling_count++];
    memcpy(rolling->name, text, text_len + 1);
    rolling->length_ms = length_ms;
    return 0;
}

static int read_windows(const struct config_raw_ranking *raw, struct ranking_config *ranking, struct error *error)
{
    for (unsigned i = 0; i < raw->window_count; i++) {
        if (add_window(ranking, raw->windows[i], error) != 0) {
            return -1;
        }
    }
    for (unsigned i = 0; i < raw->rolling_count; i++) {
        if (add_rolling(ranking, raw->rolling[i], error) != 0) {
            return -1;
        }
    }
    if (raw->window_count + raw->rolling_count == 0) {
        error_set(error, "windows must not be empty when rolling is");
        return -1;
    }
    return 0;
}

/* Two digits. Returns -1 if they are none. */
static int two_digits(const char *text)
{
    return text[0] >= '0' && text[0] <= '9' && text[1] >= '0' && text[1] <= '9' ? (text[0] - '0') * 10 + (text[1] - '0')
                                                                                : -1;
}

/* An offset as RFC 3339, section 5.6, writes it, that of a place on Earth. */
static int read_utc_offset(const char *text, int *ret_min, struct error *error)
{
    const bool has_form = strlen(text) == strlen("+00:00") && strchr("+-", text[0]) != NULL && text[3] == ':';
    const int hours = has_form ? two_digits(text + 1) : -1;
    const int minutes = has_form ? two_digits(text + 4) : -1;
    const int offset_min = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    if (strcmp(text, "Z") == 0) {
        *ret_min = 0;
    } else if (hours >= 0 && minutes >= 0 && minutes < 60 && offset_min >= UTC_OFFSET_MIN_MIN &&
               offset_min <= UTC_OFFSET_MAX_MIN) {
        *ret_min = offset_min;
    } else {
        error_set(error, "utc_offset must be Z, or from -12:00 to +14:00 (like +00:00 or -03:30), not \"%.*s\"",
                  QUOTED_LEN_MAX, text);
        return -1;
    }
    return 0;
}

int config_ranking_read(const struct config_raw_ranking *raw, struct ranking_config *ranking, struct error *error)
{
    int64_t keep;
    int64_t cache_ttl_ms;
    if (read_counter_type(raw->counter_type, ranking, error) != 0 || read_windows(raw, ranking, error) != 0 ||
        read_number(&keep_key, raw->keep, &keep, error) != 0 ||
        read_utc_offset(raw->utc_offset != NULL ? raw->utc_offset : "+00:00", &ranking->utc_offset_min, error) != 0 ||
        read_number(&cache_ttl_key, raw->cache_ttl, &cache_ttl_ms, error) != 0) {
        return -1;
    }
    ranking->keep = (int)keep;
    ranking->cache_ttl_ms = (int)cache_ttl_ms;
    return 0;
}

bool config_ranking_equal(const struct ranking_config *a, const struct ranking_config *b)
{
    bool equal = strcmp(a->counter_type, b->counter_type) == 0 && a->rolling_count == b->rolling_count &&
                 memcmp(a->calendar, b->calendar, sizeof(a->calendar)) == 0 && a->keep == b->keep &&
                 a->utc_offset_min == b->utc_offset_min && a->cache_ttl_ms == b->cache_ttl_ms;
    for (size_t i = 0; equal && i < a->rolling_count; i++) {
        equal = strcmp(a->rolling[i].name, b->rolling[i].name) == 0; /* it says the length too */
    }
    return equal;
}

void config_ranking_print(const struct ranking_config *ranking, FILE *out)
{
    char cache_ttl[CONFIG_NUMBER_SIZE];
    const int offset_min = abs(ranking->utc_offset_min);
    const char *separator = "";
    fprintf(out, "{counter_type: \"%s\", windows: [", ranking->counter_type);
    for (size_t i = 0; i < RANKING_CALENDARS; i++) {
        if (ranking->calendar[i]) {
            fprintf(out, "%s%s", separator, calendar_names[i]);
            separator = ", ";
        }
    }
    fputs("], rolling: [", out);
    for (size_t i = 0; i < ranking->rolling_count; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : ", ", ranking->rolling[i].name);
    }
    config_units_format(CONFIG_UNIT_DURATION, ranking->cache_ttl_ms, cache_ttl);
    fprintf(out, "], keep: %d, utc_offset: \"%c%02d:%02d\", cache_ttl: %s}", ranking->keep,
            ranking->utc_offset_min < 0 ? '-' : '+', offset_min / 60, offset_min % 60, cache_ttl);
}
