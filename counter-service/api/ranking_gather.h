/* A question about a ranking, asked of the partitions that know the answer: a read each, side by side, which are one
 * when the last is done.
 *
 *     start ──┬─ STORE_RANKING, partition 0 ──┐
 *             ├─ STORE_RANKING, partition 1 ──┼─ the last one merges ──> done
 *             └─ ...                         ─┘
 *
 * If a part cannot be read the whole cannot: there are no rankings of some partitions. */
#ifndef TALLY_COUNTER_SERVICE_API_RANKING_GATHER_H
#define TALLY_COUNTER_SERVICE_API_RANKING_GATHER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/text.h"
#include "common/contract/status.h"
#include "counter-service/commands/ranking_read.h"
#include "counter-service/store/store.h"

struct ranking_gather_part;

struct ranking_gather {
    /* Set by the caller. */
    const struct ranking_question *question; /* outlives the gather */
    struct ranking_wanted wanted;
    int64_t deadline_us; /* as in struct store_call */
    /* Called once; also from inside ranking_gather_start, or on a store worker's thread. */
    void (*done)(struct ranking_gather *gather);
    /* Results. */
    enum status status;
    const char *detail;                /* static sentence; NULL: the status's title will do */
    struct ranking_snapshot *snapshot; /* STATUS_OK: held once, until ranking_gather_done */
    /* Its own. */
    struct ranking_gather_part *parts;
    size_t part_count;
    atomic_size_t left; /* reads not done, and one more while they are started */
};

/* Asks all partitions for the order, or for the total alone only the one that has the resource. The parts lie in arena,
 * which outlives the gather, and is not used by anybody else during the call. */
void ranking_gather_start(struct ranking_gather *gather, struct store *store, struct arena *arena);
/* Frees what was read. */
void ranking_gather_done(struct ranking_gather *gather);

/* The total that was asked for, as ranking_answer_make takes it. */
struct text ranking_gather_total(const struct ranking_gather *gather);

#endif
