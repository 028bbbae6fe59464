#include "gateway/batch/sent_batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/batch/batcher.h"

struct sent_batch *sent_batch_take(struct sent_list *list, struct waiting_line *line, size_t count, int64_t now_us)
{
    assert(count > 0 && count <= waiting_line_count(line));
    struct sent_batch *batch = malloc(sizeof(*batch) + count * sizeof(batch->entries[0]));
    if (batch == NULL) {
        return NULL;
    }
    *batch = (struct sent_batch){.sent_us = now_us, .count = count, .earliest_us = INT64_MAX};
    memcpy(batch->entries, line->entries + line->first, count * sizeof(batch->entries[0]));
    waiting_line_drop_first(line, count);
    list_prepend(&list->batches, &batch->node);
    return batch;
}

void sent_batch_free(struct sent_list *list, struct sent_batch *batch)
{
    list_remove(&list->batches, &batch->node);
    batch_trace_free(batch->trace);
    free(batch);
}

int64_t sent_list_answer_late(struct sent_list *list, int64_t now_us, enum status status)
{
    int64_t next_us = INT64_MAX;
    LIST_EACH (struct sent_batch, batch, &list->batches, node) {
        if (batch->earliest_us <= now_us) {
            batch->earliest_us = entries_answer_late(batch->entries, batch->count, now_us, status);
        }
        next_us = clock_earlier(next_us, batch->earliest_us);
    }
    return next_us;
}
