/* An operation on its way through the batcher, and the request that gets its result. Owned by the loop's thread. */
#ifndef TALLY_GATEWAY_BATCH_ENTRY_H
#define TALLY_GATEWAY_BATCH_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/batch/operation.h"

struct submission;

/* submission NULL: it was answered. */
struct entry {
    struct submission *submission;
    struct operation *operation;
};

/* Gives the operation its status. If it was the last of its submission, on_done runs: the submission may be gone
 * afterwards, and others may have been submitted. */
void entry_answer(struct entry *entry, enum status status);
/* Answers those past their deadline (all, for now_us INT64_MAX). Returns the earliest deadline of the others; INT64_MAX
 * if none is left. */
int64_t entries_answer_late(struct entry *entries, size_t count, int64_t now_us, enum status status);

#endif
