/* Looks at every resource that the rankings name, while events go on: each as it is at one moment (ranking_cut.h), by
 * the rules of ranking_judge.h. Owned by one thread.
 *
 *     members of the tops, resources in buckets that have no record, records, counters ──> cuts ──> judge
 *
 * In this order none is passed over: whoever has a record when the buckets are looked at has it when the records are.
 */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_CHECK_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_CHECK_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/verify_rankings/ranking_judge.h"
#include "counter-service/verify_rankings/ranking_source.h"

struct ranking_check {
    /* immutable after init */
    struct redis_reader *reader;
    struct shard shard;
    struct ranking_cut *cut;
    struct ranking_told *told; /* NULL: nothing is judged */
    /* Each record that was read, of cut->resources: to be added up with others. Returns 0, or -1 with error filled. */
    int (*take)(void *owner, size_t type, const struct ranking_cut *cut, struct error *error);
    void *owner; /* NULL: nobody takes them */
    /* how many there were */
    uint64_t records;
    uint64_t members;
    uint64_t counters;
};

/* Returns 0, whatever differs; or -1 with error filled. */
int ranking_check_run(struct ranking_check *check, struct error *error) MUST_CHECK;
/* The same for the records alone. */
int ranking_check_records(struct ranking_check *check, struct error *error) MUST_CHECK;

#endif
