/* Mends the sums of the rankings of all partitions by the events of the topic, while events go on, and whoever keeps
 * the rankings:
 *
 *     records, each with its moment ──> topic: events ──> what each lacked ──> added to what it has now
 *
 * What a record lacked at its moment it lacks now, since all that came later was counted. So each is mended by a
 * transaction that adds this, and that is refused if anybody has written since the resource was read; the aggregator's
 * next one is refused in turn, and it goes on from what it then finds. Periods of which the rankings or the topic lack
 * events are left as they are. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_REPAIR_RANKING_REPAIR_H
#define TALLY_COUNTER_SERVICE_REPAIR_RANKING_REPAIR_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/verify/report.h"
#include "counter-service/verify/verify_options.h"
#include "counter-service/verify_rankings/ranking_topic.h"

/* Returns 0, or -1 with error filled: what was mended until then is. */
int ranking_repair_run(const struct config *config, const struct verify_options *options,
                       const struct redis_readers *redis, const struct report *report, struct error *error) MUST_CHECK;

#endif
