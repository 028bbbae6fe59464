/* From what Redis held of a ranking at one moment to the answer to a question about it. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_ANSWER_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/contract/status.h"
#include "counter-service/ranking/ranking_question.h"
#include "counter-service/ranking/ranking_snapshot.h"

struct ranking_answer {
    char period[RANKING_PERIOD_SIZE];
    int64_t as_of_ms;
    bool is_complete;
    int64_t since_ms; /* 0: nothing is missing */
    /* Of one resource. */
    int64_t rank; /* from 1; 0: none */
    int64_t score;
    /* The places asked for. */
    int64_t first_rank; /* of entries[0], from 1 */
    size_t entry_count;
    const struct ranking_entry *entries; /* the snapshot's */
};

/* The period asked for. STATUS_NO_SUCH_RANKING, with a sentence for the caller in error: it is not kept. */
enum status ranking_answer_period(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                                  int64_t *ret_period, struct error *error) MUST_CHECK;

/* Whether the answer needs the resource's total: it is about one that is not in the snapshot's order. */
bool ranking_answer_needs_total(const struct ranking_question *question, const struct ranking_snapshot *snapshot);

/* snapshot: of the ranking that is asked about; it outlives the answer. total: of the resource, if the answer needs it:
 * its record, packed, or of "all" its counter; empty: there is none. STATUS_NO_SUCH_RANKING: the period is not kept;
 * STATUS_DATA_DAMAGED. Where it is not STATUS_OK error has a sentence for the caller. */
enum status ranking_answer_make(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                                struct text total, struct ranking_answer *ret_answer, struct error *error) MUST_CHECK;

/* Whether the resource has no rank in the answer only because it has come among the best since the snapshot's order was
 * read, or the snapshot has none. of_total: the snapshot that the total was read with, which may be the same one. */
bool ranking_answer_lacks_rank(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                               const struct ranking_snapshot *of_total, const struct ranking_answer *answer);

#endif
