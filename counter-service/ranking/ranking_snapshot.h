/* What stood in Redis of one ranking, of a counter_type, window and period, at one moment (ranking_board.h): in one
 * partition, or in all of them (ranking_merge.h). */
#ifndef TALLY_COUNTER_SERVICE_RANKING_RANKING_SNAPSHOT_H
#define TALLY_COUNTER_SERVICE_RANKING_RANKING_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/contract/status.h"
#include "counter-service/ranking/ranking_board.h"
#include "counter-service/ranking/ranking_order.h"

/* Immutable once it is filled; whoever holds it may read it, on any thread. */
struct ranking_snapshot {
    atomic_uint holders;
    int64_t now_ms; /* Redis's clock */
    bool has_board; /* false: nobody has begun to count the ranking, and the fields behind mean nothing */
    struct ranking_board board;
    int64_t counted;    /* number of the last event that is in the rankings, */
    int64_t counted_ms; /* and its time */
    /* Likewise of the total, which was read with it (ranking_read.h): it may have more than the top. */
    int64_t total_counted;
    int64_t total_counted_ms;
    int64_t next_ms;  /* INT64_MAX: no period or bucket will begin */
    int64_t appended; /* number of the last event that there is */
    bool has_top;     /* of the period; false: the fields behind mean nothing */
    struct ranking_top top;
    bool is_whole;              /* the top's string was as long as it should be */
    bool has_order;             /* false: only the length of the string was asked for */
    struct ranking_order order; /* empty without a board, a top or an order */
};

/* All zero, with one holder, the caller, who fills it. NULL when out of memory. */
struct ranking_snapshot *ranking_snapshot_create(void) MUST_CHECK;
void ranking_snapshot_hold(struct ranking_snapshot *snapshot);
/* The last holder frees it. NULL is fine. */
void ranking_snapshot_release(struct ranking_snapshot *snapshot);

/* Of its memory. */
size_t ranking_snapshot_bytes(const struct ranking_snapshot *snapshot);

/* Fills has_order, is_whole and order from the string of the top; board and top are filled. A string of another length
 * than it should have, that cannot be read, has nobody in it. Returns STATUS_OK, STATUS_DATA_DAMAGED or
 * STATUS_OUT_OF_MEMORY. */
enum status ranking_snapshot_read_places(struct ranking_snapshot *snapshot, struct text places) MUST_CHECK;

/* Every event up to then is in the snapshot's top; is_of_total: in the total that was read with it. */
int64_t ranking_snapshot_as_of_ms(const struct ranking_snapshot *snapshot, bool is_of_total);

/* A resource's place, from 0; -1: it has none, or it is not known who has one. */
int64_t ranking_snapshot_find(const struct ranking_snapshot *snapshot, struct text resource_id);
/* Whether a resource of that score belongs to the members. */
bool ranking_snapshot_belongs(const struct ranking_snapshot *snapshot, int64_t score, struct text resource_id);

#endif
