#include "counter-service/repair/ranking_repair.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/wrap.h"
#include "counter-service/repair/ranking_repair_write.h"
#include "counter-service/verify_rankings/ranking_check.h"
#include "counter-service/verify_rankings/ranking_view.h"

/* The leader writes all the time, and each write makes an attempt vain. */
enum { ATTEMPTS_MAX = 2000 };

struct repair {
    const struct verify_options *options;
    const struct redis_readers *redis;
    const struct report *report;
    struct error *error;
    struct ranked_partitions ranked;
    struct ranking_topic topic;
    struct ranked_partition *now; /* the one that is mended */
    struct ranking_repair_batch batch;
    uint64_t mended; /* resources */
    uint64_t skipped;
};

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static int flush(struct repair *repair)
{
    struct ranking_repair_batch *batch = &repair->batch;
    for (int i = 0; batch->count > 0 && i < ATTEMPTS_MAX; i++) {
        bool is_done;
        size_t skipped = 0;
        if (ranking_repair_write(&repair->now->cut, batch, &is_done, &skipped, repair->error) != 0) {
            return -1;
        }
        if (is_done) {
            repair->mended += batch->count - skipped;
            repair->skipped += skipped;
            batch->count = 0;
        }
    }
    if (batch->count > 0) {
        error_set(repair->error, "the sums could not be mended: the service has written between each two steps");
        return -1;
    }
    return 0;
}

static void begin_resource(struct repair *repair, const struct ranking_difference *difference)
{
    struct ranking_repair_batch *batch = &repair->batch;
    const struct ranking_events *events = &repair->now->events;
    const size_t cell_count = events->types[difference->type].cell_count;
    int64_t *cells = batch->cells + batch->count * batch->cells_max;
    memset(cells, 0, cell_count * sizeof(*cells));
    batch->type = difference->type;
    batch->ids[batch->count] = ranking_resource_id(&events->types[difference->type], difference->resource);
    batch->lacks[batch->count++] = (struct ranking_lack){
        .resource = difference->resource,
        .periods = ranking_events_moment(events, difference->type, difference->resource)->periods,
        .cells = cells,
    };
}

/* They come resource by resource. */
static int take_difference(void *owner, const struct ranking_difference *difference)
{
    struct repair *repair = owner;
    struct ranking_repair_batch *batch = &repair->batch;
    const bool is_new = batch->count == 0 || batch->lacks[batch->count - 1].resource != difference->resource;
    if (is_new && batch->count > 0 &&
        (batch->type != difference->type || batch->count == ranking_repair_room(&repair->now->cut, batch->type)) &&
        flush(repair) != 0) {
        return -1;
    }
    if (is_new) {
        begin_resource(repair, difference);
    }
    const struct ranking_cell *first = difference->resource->cells;
    int64_t *cells = batch->cells + (batch->count - 1) * batch->cells_max;
    cells[difference->cell - first] = wrap_subtract(difference->cell->of_events, difference->cell->of_record);
    return 0;
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static int gather(struct repair *repair)
{
    for (int i = 0; i < repair->ranked.count; i++) {
        struct ranked_partition *partition = &repair->ranked.all[i];
        struct ranking_check check = {
            .reader = partition->reader,
            .shard = repair->options->shard,
            .cut = &partition->cut,
            .take = ranking_events_take_records,
            .owner = &partition->events,
        };
        if (ranking_check_records(&check, repair->error) != 0 ||
            ranking_cut_look(&partition->cut, repair->error) != 0) {
            return -1;
        }
    }
    return ranking_topic_read(&repair->topic, &repair->ranked, repair->error);
}

static int mend(struct repair *repair, struct ranked_partition *partition)
{
    const struct ranking_state *state = partition->cut.state;
    repair->now = partition;
    ranking_events_report_skipped(&partition->events, state, partition->complete_ms, partition->reader->where,
                                  repair->report);
    /* The cut's state moves on with each batch. */
    struct ranking_state end = *state;
    end.types = calloc(end.type_count, sizeof(*end.types));
    if (end.types == NULL) {
        error_set(repair->error, "out of memory");
        return -1;
    }
    memcpy(end.types, state->types, end.type_count * sizeof(*end.types));
    const int result =
        ranking_events_compare(&partition->events, &end, partition->complete_ms, take_difference, repair);
    free(end.types);
    return result == 0 ? flush(repair) : result;
}

static int mend_all(struct repair *repair)
{
    if (gather(repair) != 0) {
        return -1;
    }
    int result = 0;
    for (int i = 0; i < repair->ranked.count && result == 0; i++) {
        result = mend(repair, &repair->ranked.all[i]);
    }
    report_line(repair->report, "the sums of %" PRIu64 " resource%s were mended by the events", repair->mended,
                report_plural(repair->mended));
    if (repair->skipped > 0) {
        report_line(repair->report, "%" PRIu64 " got a record meanwhile: another run mends them", repair->skipped);
    }
    return result;
}

static int run(struct repair *repair, const struct config *config)
{
    if (ranking_topic_open(&repair->topic, config, repair->options->timeout_ms, repair->error) != 0 ||
        ranked_partitions_init_events(&repair->ranked, repair->options->shard, repair->redis->store_id, true,
                                      repair->error) != 0) {
        return -1;
    }
    const int result = ranking_repair_batch_init(&repair->batch, &repair->ranked.all[0].cut, repair->error) == 0
                           ? mend_all(repair)
                           : -1;
    ranking_repair_batch_done(&repair->batch);
    return result;
}

int ranking_repair_run(const struct config *config, const struct verify_options *options,
                       const struct redis_readers *redis, const struct report *report, struct error *error)
{
    struct repair repair = {.options = options, .redis = redis, .report = report, .error = error};
    if (ranked_partitions_init(&repair.ranked, redis, config, options->timeout_ms, true, error) != 0) {
        return -1;
    }
    const int result = ranking_events_are_wanted(repair.ranked.all[0].cut.state) ? run(&repair, config) : 0;
    ranking_topic_close(&repair.topic);
    ranked_partitions_done(&repair.ranked);
    return result;
}
