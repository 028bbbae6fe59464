/* A copy of the string that a top is in Redis, kept up by what is added to it:
 *
 *     the state: generation, length, members ──┐
 *     the string from the copy's length on   ──┴──> ranking_copy_take
 *
 * The string only grows while its generation stays; with another one it is read from the start. Both answers must be of
 * one moment. A damaged top is one that says nothing of anybody: it stays damaged until its generation moves on. Owned
 * by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_COPY_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "counter-service/ranking/ranking_board.h"
#include "counter-service/ranking/ranking_table.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/verify/counter_table.h"

enum ranking_damage {
    RANKING_UNDAMAGED,
    RANKING_NO_STRING, /* the key holds something else */
    RANKING_LENGTH,
    RANKING_PLACE, /* what should be a place is none */
    RANKING_MEMBERS,
};

struct ranking_copy {
    struct ranking_table table; /* never large */
    int64_t generation;
    int64_t length; /* bytes that were read */
    enum ranking_damage damage;
    /* RANKING_LENGTH, RANKING_MEMBERS: how many there were, and by the state should have been */
    int64_t found;
    int64_t wanted;
};

void ranking_copy_init(struct ranking_copy *copy);
void ranking_copy_done(struct ranking_copy *copy);

/* top: as the state has it now. False: the copy was of another generation, and is empty now: what was asked for does
 * not fit. */
bool ranking_copy_follow(struct ranking_copy *copy, const struct ranking_top *top) MUST_CHECK;
/* length: STRLEN's answer. added: GETRANGE's, from copy->length on. top: of the same moment. Returns 0, whatever is
 * damaged; or -1 when out of memory. */
int ranking_copy_take(struct ranking_copy *copy, const struct ranking_top *top, const struct redis_reply *length,
                      const struct redis_reply *added) MUST_CHECK;

/* Who is in a table at one moment: copies of the names, which stay when the table changes. */
struct ranking_members {
    struct arena memory;
    struct text *ids; /* in memory; in no order */
    size_t count;
};

/* Those of the shard. Returns 0; or -1 with error filled, and nothing to be done. */
int ranking_members_init(struct ranking_members *members, const struct ranking_table *table, struct shard shard,
                         struct error *error) MUST_CHECK;
void ranking_members_done(struct ranking_members *members);

#endif
