/* Operations that wait to be sent, each with the submission that it belongs to, in the order of their deadlines. Owned
 * by the batcher. */
#ifndef TALLY_GATEWAY_BATCH_WAITING_LINE_H
#define TALLY_GATEWAY_BATCH_WAITING_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "gateway/batch/entry.h"

/* Of those due at the same time, first in, first out. With one time-out for all, most come in the order of their
 * deadlines; a request that was held, or that asks again, comes behind younger ones. Zero-initialised is empty. */
struct waiting_line {
    struct entry *entries;
    size_t first;
    size_t end;
    size_t capacity;
};

static inline size_t waiting_line_count(const struct waiting_line *line)
{
    return line->end - line->first;
}

/* Room for so many more. Returns 0, or -1 when out of memory. */
int waiting_line_reserve(struct waiting_line *line, size_t more) MUST_CHECK;
/* The operations that are not `done`, at least one, behind all that are due no later. There is room. Returns how many.
 */
size_t waiting_line_add(struct waiting_line *line, struct submission *submission);
/* Puts back entries that left and were certainly not applied, each before the first waiting one that is due no earlier.
 * entries: in the order of their deadlines; those already answered are passed over. There must be room. */
void waiting_line_put_back(struct waiting_line *line, const struct entry *entries, size_t count);
void waiting_line_drop_first(struct waiting_line *line, size_t count);
/* Answers those past their deadline. Returns when the first of the others is due, INT64_MAX if none is left. */
int64_t waiting_line_answer_late(struct waiting_line *line, int64_t now_us, enum status status);
/* Answers what waits now, not what is submitted meanwhile. */
void waiting_line_answer_all(struct waiting_line *line, enum status status);
void waiting_line_done(struct waiting_line *line);

#endif
