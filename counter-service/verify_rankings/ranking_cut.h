/* What Redis has of some resources in the windows of one counter_type, all at one moment: their records, counters,
 * places and buckets, the state and what waits in the outbox, in one transaction. So whatever is read belongs together,
 * while events go on. A top is copied at the first read, and each later one brings what was added to it
 * (ranking_copy.h). Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_CUT_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/ranking/ranking_record.h"
#include "counter-service/verify/redis_reader.h"
#include "counter-service/verify_rankings/ranking_copy.h"
#include "counter-service/verify_rankings/ranking_layout.h"
#include "counter-service/verify_rankings/ranking_waiting.h"

enum { RANKING_CUT_MAX = 200, RANKING_VERSION_SIZE = 80 };

/* Which windows: "all" is made of the counters, the others of records. */
enum ranking_scope { RANKING_OF_RECORDS, RANKING_OF_COUNTERS };

static inline bool ranking_is_in_scope(const struct ranked_window *ranked, enum ranking_scope scope)
{
    return (ranked->window.kind == RANKING_KIND_ALL) == (scope == RANKING_OF_COUNTERS);
}

/* A resource in one window. */
struct ranking_found_window {
    struct {
        bool has_score;
        int64_t score;
    } tops[RANKING_SLOTS];
    /* rolling */
    int64_t in_buckets; /* what counts of all of them (ranking_record.h) */
    int64_t in_old;     /* of it, what is in buckets that have left the window */
    int64_t in_last;    /* likewise, what is in the bucket of the record's last event */
    bool has_no_number; /* a bucket has something else */
};

struct ranking_found {
    struct text id;
    bool has_record;
    bool is_damaged;              /* it has one that is none */
    struct ranking_record record; /* empty if there is none */
    bool has_counter;
    int64_t counter; /* without what waits */
    struct ranking_found_window windows[RANKING_WINDOWS_MAX];
};

struct ranking_cut {
    /* immutable after init */
    struct redis_reader *reader;
    int timeout_ms;
    struct ranking_layout *layouts; /* by bucket, of each type */
    /* of the last read */
    struct ranking_state states[2]; /* one is the last, the other is what the next is read into */
    struct ranking_state *state;
    char version[RANKING_VERSION_SIZE]; /* who wrote the state last: as long as it stays, all that was read is so */
    struct ranking_waiting waiting;
    struct ranking_copy *copies; /* of each top: ranking_cut_copy */
    size_t count;
    struct ranking_found *resources;
    int64_t *buckets; /* NULL, or by bucket the cells of each resource; those of calendar windows are 0 */
};

/* Reads the state of the reader's partition. keeps_buckets: what is in each is wanted. timeout_ms: how long so many
 * events may wait that they cannot all be read. The reader and config outlive the cut. Returns 0; or -1 with error
 * filled, and nothing to be done. */
int ranking_cut_init(struct ranking_cut *cut, struct redis_reader *reader, const struct config *config, int timeout_ms,
                     bool keeps_buckets, struct error *error) MUST_CHECK;
void ranking_cut_done(struct ranking_cut *cut);

/* As of the last read of the type and the window's scope; of a slot that the window has. */
static inline struct ranking_copy *ranking_cut_copy(const struct ranking_cut *cut, size_t type, size_t window,
                                                    size_t slot)
{
    return &cut->copies[(type * RANKING_WINDOWS_MAX + window) * RANKING_SLOTS + slot];
}

/* How many resources are read at once, at least 1, so that Redis is busy for a millisecond or so. */
size_t ranking_cut_room(const struct ranking_cut *cut, size_t type, enum ranking_scope scope);
/* Reads so many resources, of the room at most, into cut->resources in the order of ids, which stay in use. Those of
 * other windows than the scope's are not filled. Returns 0, or -1 with error filled. */
int ranking_cut_read(struct ranking_cut *cut, size_t type, enum ranking_scope scope, const struct text *ids,
                     size_t count, struct error *error) MUST_CHECK;
/* Reads the state alone. Returns 0, or -1 with error filled. */
int ranking_cut_look(struct ranking_cut *cut, struct error *error) MUST_CHECK;

#endif
