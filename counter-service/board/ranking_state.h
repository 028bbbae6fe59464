/* The rankings of one partition, as the instance that leads knows them: what stands in tally:{p0}:rankings
 * (ranking_board.h), and who is in the running tops. True as long as nobody else writes, which every transaction
 * checks (ranking_txn.h); read anew when one was refused. Owned by the aggregator's thread. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_STATE_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/outbox/outbox_conn.h"
#include "counter-service/outbox/outbox_step.h"
#include "counter-service/ranking/ranking_board.h"
#include "counter-service/ranking/ranking_part.h"
#include "counter-service/ranking/ranking_record.h"
#include "counter-service/ranking/ranking_table.h"

struct ranked_window {
    /* immutable after init */
    struct ranking_window window;
    struct text counter_type;
    int keep;
    /* as in Redis */
    struct ranking_board board;
    struct ranking_table table; /* of the running top; empty for whoever does not lead */
    struct buffer untold; /* what the table has, and the top's string not yet: places (ranking_places_put); failed:
                             memory ran out, for a table too */
    int64_t length_max;   /* its string is written anew when it gets longer */
    /* One that is being made from a scan, known to nobody else: a successor begins anew. */
    bool has_fresh;
    struct ranking_table fresh;
};

struct ranked_type {
    struct text counter_type;
    const struct ranking_config *config;
    struct ranked_window windows[RANKING_WINDOWS_MAX];
    size_t window_count;
};

struct ranking_state {
    /* immutable after init */
    struct redis_key_prefix prefix;
    struct ranked_type *types;
    size_t type_count;
    char token[OUTBOX_TOKEN_LEN + 1]; /* of this writer */
    /* as in Redis */
    bool is_loaded;
    bool is_torn;              /* a part of the last change was refused: nobody knows which sums are right */
    uint64_t writes;           /* of this writer */
    struct outbox_position at; /* all events up to here are counted */
    int64_t time_ms;           /* theirs */
    struct ranking_part part;  /* of the chunk behind them */
    int64_t next_ms;           /* at this time a period or bucket begins; INT64_MAX: never */
};

/* config outlives the state. Returns 0, or -1 with error filled. */
int ranking_state_init(struct ranking_state *state, unsigned partition, const struct config *config,
                       struct error *error) MUST_CHECK;
void ranking_state_done(struct ranking_state *state);

/* The top that events go to. */
static inline size_t ranked_slot(const struct ranked_window *ranked)
{
    return ranking_slot(&ranked->window, ranked->board.period);
}
static inline struct ranking_top *ranked_top(struct ranked_window *ranked)
{
    return &ranked->board.tops[ranked_slot(ranked)];
}
/* The earliest time at which a window's next period or bucket begins; INT64_MAX: none ever does. */
int64_t ranking_state_next(const struct ranking_state *state);
/* Something that was counted is lost: events before this time, ms since 1970. */
static inline int64_t ranking_state_missing_ms(const struct ranking_state *state)
{
    const bool is_ahead = state->part.lanes > 0 && state->part.last_ms > state->time_ms;
    return (is_ahead ? state->part.last_ms : state->time_ms) + 1;
}
/* A type with no window but "all" has no records. */
static inline bool ranked_type_has_records(const struct ranked_type *type)
{
    return type->window_count > 1 || type->windows[0].window.kind != RANKING_KIND_ALL;
}
/* Room in the record for all windows of the type. */
void ranked_type_make_room(const struct ranked_type *type, struct ranking_record *record);
/* NULL: it is not ranked. */
struct ranked_type *ranking_state_find(const struct ranking_state *state, struct text counter_type);

/* From the first to the last window of all types. */
#define RANKED_EACH(state, ranked) \
    for (size_t type_place = 0; type_place < (state)->type_count; type_place++) \
        for (struct ranked_window *ranked = (state)->types[type_place].windows; \
             (ranked) < (state)->types[type_place].windows + (state)->types[type_place].window_count; (ranked)++)

#endif
