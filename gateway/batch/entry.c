#include "gateway/batch/entry.h"

#include <assert.h>

#include "gateway/batch/batcher.h"

void entry_answer(struct entry *entry, enum status status)
{
    struct submission *submission = entry->submission;
    assert(submission->unanswered > 0);
    entry->operation->status = status;
    entry->operation->done = true;
    entry->submission = NULL;
    submission->unanswered--;
    if (submission->unanswered == 0) {
        submission->on_done(submission);
    }
}

int64_t entries_answer_late(struct entry *entries, size_t count, int64_t now_us, enum status status)
{
    int64_t earliest_us = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].submission == NULL) {
            continue;
        }
        const int64_t deadline_us = entries[i].submission->deadline_us;
        if (deadline_us <= now_us) {
            entry_answer(&entries[i], status);
        } else if (deadline_us < earliest_us) {
            earliest_us = deadline_us;
        }
    }
    return earliest_us;
}
