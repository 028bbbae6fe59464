/* What waits in the outbox behind the rankings' position: by so much the counters are ahead of them. Owned by one
 * thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_WAITING_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/outbox/outbox_step.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/verify/counter_table.h"

/* So many entries are read at most. */
enum { RANKING_WAITING_MAX = 20 * 1000 };

struct ranking_waiting {
    struct counter_table counters; /* whose `sum` is what waits; others have nothing that does */
    uint64_t appended;             /* number of the outbox's last event */
    uint32_t at_place;             /* of the last event that is counted, in its entry; COUNTER_WHOLE_ENTRY */
    bool knows_place;              /* the entry was read, or is gone */
    bool is_whole;                 /* all that waits was read, and nothing of it is missing */
};

void ranking_waiting_init(struct ranking_waiting *waiting);
void ranking_waiting_done(struct ranking_waiting *waiting);

/* at: the rankings' position. marks: HMGET's answer with the number of the last event. entries: XRANGE's, from an entry
 * that is not behind the position on. All of one moment. Returns 0, or -1 with error filled. */
int ranking_waiting_read(struct ranking_waiting *waiting, const struct outbox_position *at,
                         const struct redis_reply *marks, const struct redis_reply *entries, struct error *error)
    MUST_CHECK;
/* What waits of a counter. */
int64_t ranking_waiting_of(const struct ranking_waiting *waiting, struct text resource_id, struct text counter_type);

#endif
