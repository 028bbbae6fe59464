/* From what Redis held of a ranking at one moment to the answer to a question about it. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_ANSWER_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_ANSWER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/contract/status.h"
#include "counter-service/ranking/ranking_board.h"
#include "counter-service/ranking/ranking_merge.h"
#include "counter-service/ranking/ranking_question.h"

/* What stood in Redis (ranking_board.h), read in one step. */
struct ranking_snapshot {
    int64_t now_ms; /* Redis's clock */
    bool has_board; /* false: nobody has begun to count the ranking, and the fields up to top mean nothing */
    struct ranking_board board;
    int64_t counted;    /* number of the last event that is in the rankings, */
    int64_t counted_ms; /* and its time */
    int64_t next_ms;    /* INT64_MAX: no period or bucket will begin */
    bool has_top;       /* of the period asked for */
    struct ranking_top top;
    int64_t appended;  /* number of the last event that there is */
    int64_t top_count; /* members of the top */
    int64_t rank;      /* of the resource in it, from 0; -1: it is no member, or none was asked for */
    struct text total; /* of the resource: its record, packed, or of "all" its counter; empty: there is none */
    struct ranking_list members; /* those asked for */
};

/* Immutable once it is made; whoever holds it may read it, on any thread. */
struct ranking_answer {
    atomic_uint holders;
    size_t bytes; /* of its memory */
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
    struct ranking_entry entries[];
};

/* An entry's score as it is told: the nearest int64, and whether the true sum may be another. */
int64_t ranking_score_told(double score);
bool ranking_score_is_inexact(double score);

/* The answer has copies of all texts, and one holder, the caller. STATUS_NO_SUCH_RANKING: the period is not kept;
 * STATUS_DATA_DAMAGED, STATUS_OUT_OF_MEMORY. Where it is not STATUS_OK error has a sentence for the caller. */
enum status ranking_answer_make(const struct ranking_question *question, const struct ranking_snapshot *snapshot,
                                struct ranking_answer **ret_answer, struct error *error) MUST_CHECK;
void ranking_answer_hold(struct ranking_answer *answer);
/* The last holder frees it. NULL is fine. */
void ranking_answer_release(struct ranking_answer *answer);

#endif
