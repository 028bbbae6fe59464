/* An entry of the outbox that a follower has read: a copy of it, and how far its events are. Private to
 * outbox_follower.c. Owned by the follower's thread. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_ENTRY_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/list.h"
#include "counter-service/event/event_batch.h"
#include "counter-service/outbox/outbox_step.h"

struct outbox_follower;

struct outbox_entry {
    struct list_node node;
    struct outbox_follower *follower; /* NULL: it has forgotten the entry, which waits for what was handed out of it */
    struct stream_id id;
    uint64_t last_number;             /* of its events */
    struct event next;                /* the next one to be handed out, if has_next */
    uint64_t next_number;             /* its */
    bool has_next;                    /* false: all are handed out */
    bool is_damaged;                  /* from there on it cannot be read, and ends */
    size_t events_open;               /* handed out, and not done */
    struct event_batch_reader reader; /* of what comes after next */
    char bytes[];                     /* items and results */
};

/* A copy, with its first event ready; to be freed by free(). NULL when out of memory. */
struct outbox_entry *outbox_entry_copy(const struct outbox_raw_entry *raw, unsigned partition) MUST_CHECK;
/* Goes on to the next event. */
void outbox_entry_advance(struct outbox_entry *entry);
/* How many events are to be handed out. */
uint64_t outbox_entry_count(const struct outbox_entry *entry);

#endif
