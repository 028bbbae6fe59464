/* Who is in a table at one moment: copies of the names, which stay when the table changes. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_MEMBERS_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_MEMBERS_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "counter-service/ranking/ranking_table.h"
#include "counter-service/verify/counter_table.h"

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
