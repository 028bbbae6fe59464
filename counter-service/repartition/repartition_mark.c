#include "counter-service/repartition/repartition_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter-service/redis/redis_checks.h"

static const char *const phases[] = {
    [REPARTITION_CHECK] = "check",
    [REPARTITION_MOVE] = "move",
    [REPARTITION_MOVED] = "moved",
};

void repartition_mark_put(const struct repartition_mark *mark, char out[REPARTITION_MARK_SIZE])
{
    snprintf(out, REPARTITION_MARK_SIZE,
             REDIS_REPARTITION_START "%d from=%d store=%s how=%s phase=%s resources=%" PRIu64 " counters=%" PRIu64
                                     " check=%016" PRIx64,
             mark->to, mark->from, mark->store_id, mark->is_copy ? "copy" : "place", phases[mark->phase],
             mark->totals.resources, mark->totals.counters, mark->totals.check);
}

static bool is_number_of_partitions(uint64_t number)
{
    return number >= 1 && number <= REDIS_PARTITIONS_MAX;
}

/* What stands behind "name=", up to the next blank. */
static struct text value_of(struct text text, const char *name)
{
    const size_t name_len = strlen(name);
    const char *at = memmem(text.data, text.len, name, name_len);
    if (at == NULL) {
        return (struct text){"", 0};
    }
    at += name_len;
    const size_t left = (size_t)(text.data + text.len - at);
    const char *end = memchr(at, ' ', left);
    return (struct text){at, end != NULL ? (size_t)(end - at) : left};
}

/* 0 if it is no number: then what is written again is another text. */
static uint64_t number_of(struct text text, const char *name, int base)
{
    char digits[32];
    const struct text value = value_of(text, name);
    snprintf(digits, sizeof(digits), "%.*s", (int)value.len, value.data);
    return strtoull(digits, NULL, base);
}

static enum repartition_phase phase_of(struct text name)
{
    enum repartition_phase phase = REPARTITION_MOVED;
    while (phase > REPARTITION_CHECK && !text_equal(name, text_of(phases[phase]))) {
        phase--;
    }
    return phase;
}

/* What is read is written again and compared: so nothing else passes. */
bool repartition_mark_read(struct text text, struct repartition_mark *ret_mark)
{
    char again[REPARTITION_MARK_SIZE];
    if (text.len == 0 || text.len >= sizeof(again)) {
        return false;
    }
    const struct text store_id = value_of(text, " store=");
    const uint64_t to = number_of(text, " repartition=", 10);
    const uint64_t from = number_of(text, " from=", 10);
    if (!is_number_of_partitions(to) || !is_number_of_partitions(from) || !store_id_is_valid(store_id)) {
        return false;
    }
    struct repartition_mark mark = {
        .to = (int)to,
        .from = (int)from,
        .is_copy = text_equal(value_of(text, " how="), TEXT("copy")),
        .phase = phase_of(value_of(text, " phase=")),
        .totals = {.resources = number_of(text, " resources=", 10),
                   .counters = number_of(text, " counters=", 10),
                   .check = number_of(text, " check=", 16)},
    };
    memcpy(mark.store_id, store_id.data, store_id.len);
    repartition_mark_put(&mark, again);
    *ret_mark = mark;
    return text_equal(text_of(again), text);
}
