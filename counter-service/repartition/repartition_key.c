#include "counter-service/repartition/repartition_key.h"

#include "common/base/decimal.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"

static struct text behind(struct text text, size_t len)
{
    return (struct text){text.data + len, text.len - len};
}

/* "<length of resource_id>:<resource_id>:<counter_type>:<key>" */
static bool read_record(struct text text, struct text *ret_resource_id)
{
    uint64_t len;
    const struct text digits = text_cut(&text, ':');
    if (!decimal_parse_unsigned(digits, text.len, &len) || len >= text.len || text.data[len] != ':') {
        return false;
    }
    *ret_resource_id = (struct text){text.data, (size_t)len};
    return true;
}

static enum repartition_key_kind kind_of(struct text rest, struct text *ret_resource_id)
{
    if (text_starts_with(rest, TEXT("c:"))) {
        *ret_resource_id = behind(rest, 2);
        return REPARTITION_COUNTERS;
    }
    if (text_starts_with(rest, TEXT("i:")) && read_record(behind(rest, 2), ret_resource_id)) {
        return REPARTITION_RECORD;
    }
    if (text_starts_with(rest, TEXT("s:"))) {
        return REPARTITION_SESSION;
    }
    if (text_starts_with(rest, TEXT("r:")) || text_equal(rest, TEXT("rankings")) ||
        text_equal(rest, TEXT("uncounted"))) {
        return REPARTITION_RANKING;
    }
    return REPARTITION_OTHER;
}

bool repartition_key_read(struct text key, struct repartition_key *ret_key)
{
    uint64_t number;
    const struct text start = TEXT("tally:{p");
    if (!text_starts_with(key, start)) {
        return false;
    }
    struct text rest = behind(key, start.len);
    const struct text digits = text_cut(&rest, '}');
    if (!decimal_parse_unsigned(digits, REDIS_PARTITIONS_MAX - 1, &number)) {
        return false;
    }
    const struct redis_key_prefix prefix = redis_key_prefix_of((int)number);
    if (!text_starts_with(key, (struct text){prefix.data, prefix.len})) {
        return false; /* a zero before the number */
    }
    struct repartition_key found = {.partition = (int)number, .rest = behind(key, prefix.len)};
    found.kind = kind_of(found.rest, &found.resource_id);
    *ret_key = found;
    return true;
}
