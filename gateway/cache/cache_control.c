#include "gateway/cache/cache_control.h"

#include <strings.h>

#include "common/base/decimal.h"
#include "common/base/text.h"

enum {
    US_PER_SECOND = 1000 * 1000,
    /* No answer becomes as old. */
    SECONDS_MAX = 24 * 3600,
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static struct text trimmed(struct text text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool is_named(struct text text, struct text name)
{
    return text.len == name.len && strncasecmp(text.data, name.data, name.len) == 0;
}

/* Of what is not a number of seconds: 0, the strictest. */
static int64_t seconds_of(struct text value)
{
    if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"') {
        value = (struct text){value.data + 1, value.len - 2};
    }
    uint64_t seconds;
    if (!decimal_parse_unsigned(value, UINT64_MAX, &seconds)) {
        return 0;
    }
    return seconds < SECONDS_MAX ? (int64_t)seconds : SECONDS_MAX;
}

static void take(struct text directive, struct cache_demand *demand)
{
    const struct text name = trimmed(text_cut(&directive, '='));
    if (is_named(name, TEXT("no-cache"))) {
        demand->max_age_us = 0;
    } else if (is_named(name, TEXT("no-store"))) {
        demand->max_age_us = 0;
        demand->no_store = true;
    } else if (is_named(name, TEXT("max-age"))) {
        const int64_t max_age_us = seconds_of(trimmed(directive)) * US_PER_SECOND;
        demand->max_age_us = max_age_us < demand->max_age_us ? max_age_us : demand->max_age_us;
    }
}

struct cache_demand cache_control_read(const struct http_field *cache_control, const struct http_field *pragma)
{
    if (cache_control->count > 1 || pragma->count > 1) {
        return (struct cache_demand){.max_age_us = 0, .no_store = true};
    }
    struct cache_demand demand = {.max_age_us = INT64_MAX};
    struct text rest = cache_control->count > 0 ? cache_control->value : TEXT("");
    while (rest.len > 0) {
        take(text_cut(&rest, ','), &demand);
    }
    rest = pragma->count > 0 ? pragma->value : TEXT("");
    while (rest.len > 0) {
        if (is_named(trimmed(text_cut(&rest, ',')), TEXT("no-cache"))) {
            demand.max_age_us = 0;
        }
    }
    return demand;
}
