/* What is asked of a ranking, validated against the configuration. Pure functions.
 *
 * Those that return a status fill error where it is not STATUS_OK: a sentence for the caller, of printable ASCII,
 * whatever was asked. */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_QUESTION_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/contract/limits.h"
#include "common/contract/status.h"
#include "counter-service/ranking/ranking_window.h"

enum { RANKING_QUESTION_KEY_SIZE = COUNTER_TYPE_LEN_MAX + 1 + RANKING_WINDOW_KEY_SIZE + 1 + 24 };

struct ranking_question {
    const struct ranking_config *config;
    struct ranking_window window;
    bool has_period; /* false: the running one, or the window has none */
    int64_t period;
    /* Of the best. */
    int64_t offset;
    int64_t limit;
    /* Of one resource; resource_id is empty otherwise. */
    struct text resource_id;
    int64_t neighbours;
};

/* Which ranking: sets everything up to period, and clears the rest. STATUS_NO_SUCH_RANKING: the configuration has none
 * of this counter_type or window; STATUS_INVALID_ARGUMENT. */
enum status ranking_question_begin(struct ranking_question *question, const struct config *config,
                                   struct text counter_type, struct text window, struct text period,
                                   struct error *error) MUST_CHECK;
/* After it one of these: what of the ranking. limit 0 is RANKING_LIMIT_DEFAULT; resource_id stays the caller's. */
enum status ranking_question_of_best(struct ranking_question *question, uint32_t limit, uint32_t offset,
                                     struct error *error) MUST_CHECK;
enum status ranking_question_of_one(struct ranking_question *question, struct text resource_id, uint32_t neighbours,
                                    struct error *error) MUST_CHECK;

static inline bool ranking_question_is_of_one(const struct ranking_question *question)
{
    return question->resource_id.len > 0;
}

/* Of the ranking: two questions have the same key only if they are about the same counter_type, window and period.
 * Returns the key, in out. */
struct text ranking_question_key(const struct ranking_question *question, char out[RANKING_QUESTION_KEY_SIZE]);

#endif
