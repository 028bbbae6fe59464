/* A consumer of one partition's outbox, as one instance of the service sees it: the lease, what was read of the stream,
 * and how far its events are done.
 *
 *     outbox_follower_step ──> entries ── peek, take ──> the consumer's work ──> event_done, in any order
 *              └──<── the position: up to the first entry that is not done ──────────────────────┘
 *
 * Many instances may follow: the one that has the lease reads and moves the position. Whatever it did and could not
 * tell Redis its successor does again, from the position on, in the same order. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_FOLLOWER_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_FOLLOWER_H

#include <stdbool.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/list.h"
#include "counter-service/event/event.h"
#include "counter-service/outbox/outbox_conn.h"
#include "counter-service/outbox/outbox_step.h"

struct outbox_entry;

struct outbox_follower {
    /* immutable after init */
    unsigned partition;
    struct redis_key_prefix prefix;
    struct text consumer;
    char token[OUTBOX_TOKEN_LEN + 1]; /* of this follower alone */
    int lease_ms;
    unsigned configured; /* consumers, outbox_consumers_of: of whoever made the follower, after init */
    /* Likewise. Where entries go that the follower forgets while events of them are handed out: whoever has these may
     * still tell that they are done. NULL: the entries are freed. */
    struct list *orphans;
    /* what Redis told last */
    bool owns;
    bool is_free;              /* nobody had the lease, and it was left so */
    struct outbox_asker asker; /* of the lease that is owned */
    uint64_t appended;
    uint64_t trimmed;
    struct outbox_position stored; /* Redis has it */
    int64_t clock_ms;              /* Redis's */
    /* while it owns */
    struct outbox_position done; /* to be stored */
    struct stream_id read_after;
    uint64_t next_number;
    struct list entries;          /* read, and not done: of struct outbox_entry, oldest first */
    struct outbox_entry *waiting; /* the first of them with events not handed out; NULL: none */
    bool holds;                   /* what was read is not to be handed out yet; whoever steps the follower sets it */
    bool at_end;                  /* the last step that read found nothing behind what it read */
    size_t events_open;           /* handed out, and not done */
    size_t asked;                 /* for so many entries, in the last step */
    uint64_t entry_events_mean;   /* how many events entries had of late */
    uint64_t damaged;             /* entries that could not be read, since init */
    struct buffer requests;
};

/* Returns 0, or -1 with error filled: the kernel has no random numbers. */
int outbox_follower_init(struct outbox_follower *follower, unsigned partition, struct text consumer, int lease_ms,
                         struct error *error) MUST_CHECK;
void outbox_follower_done(struct outbox_follower *follower);

/* One step: keeps or takes the lease, stores the position, and reads on, if all that was read is handed out, about
 * events_max events. Returns 0; or -1 with error filled: the connection must be closed. follower->owns may change: when
 * it is taken or lost, all that was handed out is forgotten, and *ret_restarted is set: nothing of it may be reported
 * done any more. */
int outbox_follower_step(struct outbox_follower *follower, const struct outbox_conn *conn, size_t events_max,
                         bool *ret_restarted, struct error *error) MUST_CHECK;
/* The same, for steps of many followers in one exchange: what is to be sent, and what the reply to it means. */
struct outbox_follower_wish {
    size_t events_max;
    bool leaves_free; /* the lease is not taken if nobody has it; one that this follower has is kept */
    bool asks;        /* whoever has it is asked for it, by an instance that has so many leases: */
    size_t led;
};
enum outbox_answer {
    OUTBOX_ANSWERED,
    OUTBOX_ASK_AGAIN, /* Redis has forgotten the script: nothing was done, outbox_follower_ask sends its text */
    OUTBOX_ANSWER_BAD /* error is filled; nothing of the follower's is known any more */
};
/* Returns 0, or -1 when out of memory. */
int outbox_follower_append(struct outbox_follower *follower, const struct outbox_conn *conn,
                           const struct outbox_follower_wish *wish, struct buffer *out) MUST_CHECK;
enum outbox_answer outbox_follower_answer(struct outbox_follower *follower, const struct redis_reply *reply,
                                          bool *ret_restarted, struct error *error) MUST_CHECK;
/* In an exchange of its own. Returns 0, or -1 with error filled: the connection must be closed. */
int outbox_follower_ask(struct outbox_follower *follower, const struct outbox_conn *conn,
                        const struct outbox_follower_wish *wish, struct redis_reply *ret_reply, struct error *error)
    MUST_CHECK;

/* The last step: stores the position and gives the lease up, if it is owned. Failure is none of anybody's: the lease
 * expires. */
void outbox_follower_release(struct outbox_follower *follower, const struct outbox_conn *conn);
/* The same, and the asker, who is there, has the lease then. Returns 0, or -1 with error filled: the connection must be
 * closed. */
int outbox_follower_hand_over(struct outbox_follower *follower, const struct outbox_conn *conn, struct error *error)
    MUST_CHECK;
/* The connection was lost, or a consumer wants all that is not done once more: what was handed out is forgotten, and
 * read again from the position after the next step, which asks for the lease anew. */
void outbox_follower_restart(struct outbox_follower *follower);

/* The next event that was read, in the stream's order. Its texts are valid until it is done. *ret_entry is for
 * outbox_follower_event_done. Returns false if there is none, or the follower holds what it has. */
bool outbox_follower_peek(const struct outbox_follower *follower, struct event *ret_event,
                          struct outbox_entry **ret_entry);
/* Its number; there is one. Numbers that are missing before it are events that were dropped, or damaged. */
uint64_t outbox_follower_peek_number(const struct outbox_follower *follower);
/* The event that was peeked at is handed out. */
void outbox_follower_take(struct outbox_follower *follower);
/* One event of the entry, which was taken, is done. */
void outbox_follower_event_done(struct outbox_follower *follower, struct outbox_entry *entry);
/* The same where the follower may have forgotten the entry (orphans); and nobody will tell it of any of these. */
void outbox_entry_event_done(struct outbox_entry *entry, struct list *orphans);
void outbox_orphans_free(struct list *orphans);
/* Everything that was taken is done. */
void outbox_follower_all_done(struct outbox_follower *follower);

/* How many events wait: in the outbox, and not done as far as Redis knows. */
uint64_t outbox_follower_waiting(const struct outbox_follower *follower);
/* Redis's time, ms since 1970, at which the oldest entry that was read and is not done was added; 0: there is none. */
int64_t outbox_follower_oldest_ms(const struct outbox_follower *follower);

#endif
