/* Whether the records of a partition are the sums of its events. The events of a topic are added up in each period and
 * rolling window that the rankings keep:
 *
 *     records, each with its moment ──> wait until the relay is past the last ──> topic: events ──> compare
 *
 * Of a resource those events count that are of this store, come after its last one (others are repetitions), and are
 * not behind the moment at which its record was read. An event's time is its entry's, which never goes back, as the
 * aggregator has it. Periods of which the rankings or the topic lack events are not compared, and told. Owned by one
 * thread. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_EVENTS_H
#define TALLY_COUNTER_SERVICE_VERIFY_RANKINGS_RANKING_EVENTS_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/event/event_read.h"
#include "counter-service/verify/report.h"
#include "counter-service/verify_rankings/ranking_cut.h"
#include "counter-service/verify_rankings/ranking_sums.h"

struct ranking_events {
    /* immutable after init */
    struct shard shard;
    const char *store_id;
    size_t type_count;
    /* of each type */
    int64_t *first_ms;             /* what was before is in no window */
    struct ranking_moment *starts; /* of resources that have no record */
    struct ranking_layout *layouts;
    /* what was read */
    struct ranking_sums *types;
    struct ranking_moment *moments; /* of records of all types */
    size_t moment_count;
    size_t moment_capacity;
    struct stream_id last; /* the last moment's */
    /* how many messages were what */
    uint64_t events; /* counted */
    uint64_t repetitions;
    uint64_t later;
    uint64_t other_stores;
};

/* Whether any type has records, so that there are sums to compare. */
bool ranking_events_are_wanted(const struct ranking_state *state);
/* Reads the start, if they are wanted. by_bucket: the cut keeps buckets. store_id stays in use. Returns 0; or -1 with
 * error filled, and nothing to be done. */
int ranking_events_init(struct ranking_events *events, struct ranking_cut *cut, struct shard shard,
                        const char *store_id, bool by_bucket, struct error *error) MUST_CHECK;
void ranking_events_done(struct ranking_events *events);

/* Takes the records of the cut's last read; owner is the ranking_events. Returns 0, or -1 with error filled. */
int ranking_events_take_records(void *owner, size_t type, const struct ranking_cut *cut, struct error *error)
    MUST_CHECK;
/* Takes an event. state: any, for the types' names. Returns 0, or -1 with error filled. */
int ranking_events_take(struct ranking_events *events, const struct ranking_state *state, const struct event_copy *copy,
                        struct error *error) MUST_CHECK;

/* The moment up to which the resource's events count. */
static inline const struct ranking_moment *ranking_events_moment(const struct ranking_events *events, size_t type,
                                                                 const struct ranking_resource *resource)
{
    return resource->has_record ? &events->moments[resource->moment] : &events->starts[type];
}

/* A cell in which the record is not what the events say. */
struct ranking_difference {
    size_t type;
    size_t window;
    const struct ranking_resource *resource;
    const struct ranking_cell *cell;
    int64_t period; /* or bucket; of a rolling window as a whole the running one */
};

/* After all events. end: the state now. complete_ms: all events from this time on were on the topic. Calls tell for
 * each difference in a period of which nothing is missing, resource by resource. Returns 0; or what tell returned, if
 * that was not 0, at once. */
int ranking_events_compare(const struct ranking_events *events, const struct ranking_state *end, int64_t complete_ms,
                           int (*tell)(void *owner, const struct ranking_difference *difference), void *owner);
/* Lines for the periods that are not compared. where: of whose rankings, behind their name. */
void ranking_events_report_skipped(const struct ranking_events *events, const struct ranking_state *end,
                                   int64_t complete_ms, const char *where, const struct report *report);

#endif
