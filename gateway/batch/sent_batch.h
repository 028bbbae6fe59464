/* The batches that are out: each is one call to counter-service, and knows whose operations it carries. Owned by the
 * batcher; loop thread only. */
#ifndef TALLY_GATEWAY_BATCH_SENT_BATCH_H
#define TALLY_GATEWAY_BATCH_SENT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/list.h"
#include "gateway/batch/batch_trace.h"
#include "gateway/batch/entry.h"
#include "gateway/batch/send_window.h"
#include "gateway/batch/session.h"
#include "gateway/batch/waiting_line.h"

struct sent_batch {
    /* immutable after sent_batch_take */
    struct batcher *batcher;
    enum batch_kind kind;
    enum send_size size;
    int64_t sent_us;
    int64_t asked_us; /* the same moment, of clock_boottime_us: not after it */
    size_t count;
    /* changed until its call is over */
    struct session_place place; /* an increment's */
    struct client_call *call;
    struct batch_trace *trace; /* NULL: nothing that it carries is traced */
    int64_t earliest_us;       /* the earliest deadline of its unanswered entries; INT64_MAX: none is left */
    bool in_window;            /* its items count as out */
    struct list_node node;
    struct entry entries[];
};

/* The youngest first. Zero-initialised is empty. */
struct sent_list {
    struct list batches;
};

/* NULL if there is none. */
static inline struct sent_batch *sent_list_youngest(const struct sent_list *list)
{
    return LIST_ENTRY(list->batches.first, struct sent_batch, node);
}

/* Moves the first `count` entries of line into a new batch. NULL when out of memory: nothing was moved. */
struct sent_batch *sent_batch_take(struct sent_list *list, struct waiting_line *line, size_t count, int64_t now_us)
    MUST_CHECK;
void sent_batch_free(struct sent_list *list, struct sent_batch *batch);

/* Answers the entries past their deadline. Returns the earliest deadline of the others. */
int64_t sent_list_answer_late(struct sent_list *list, int64_t now_us, enum status status);

#endif
