#include "counter-service/repartition/repartition_mark.h"

#include <inttypes.h>
#include <stdio.h>
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

static bool is_number_of_partitions(int number)
{
    return number >= 1 && number <= REDIS_PARTITIONS_MAX;
}

/* What is read is written again and compared: so nothing else passes. */
bool repartition_mark_read(struct text text, struct repartition_mark *ret_mark)
{
    char found[REPARTITION_MARK_SIZE];
    char again[REPARTITION_MARK_SIZE];
    char how[8];
    char phase[8];
    struct repartition_mark mark = {.is_copy = false};
    if (text.len >= sizeof(found)) {
        return false;
    }
    memcpy(found, text.len == 0 ? "" : text.data, text.len);
    found[text.len] = '\0';
    if (sscanf(found,
               REDIS_REPARTITION_START "%d from=%d store=%32s how=%7s phase=%7s resources=%" SCNu64 " counters=%" SCNu64
                                       " check=%" SCNx64,
               &mark.to, &mark.from, mark.store_id, how, phase, &mark.totals.resources, &mark.totals.counters,
               &mark.totals.check) != 8 ||
        !is_number_of_partitions(mark.to) || !is_number_of_partitions(mark.from) ||
        !store_id_is_valid(text_of(mark.store_id))) {
        return false;
    }
    mark.is_copy = strcmp(how, "copy") == 0;
    mark.phase = strcmp(phase, phases[REPARTITION_MOVE]) == 0    ? REPARTITION_MOVE
                 : strcmp(phase, phases[REPARTITION_MOVED]) == 0 ? REPARTITION_MOVED
                                                                 : REPARTITION_CHECK;
    repartition_mark_put(&mark, again);
    *ret_mark = mark;
    return strcmp(again, found) == 0;
}
