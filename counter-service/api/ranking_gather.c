#include "counter-service/api/ranking_gather.h"

#include <stdlib.h>

#include "common/base/compiler.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/ranking/ranking_merge.h"

struct ranking_gather_part {
    struct ranking_gather *gather;
    struct ranking_read read;
    struct store_call store;
};

static const char no_memory[] = "The service is out of memory";

/* ---- the end ---- */

/* The status of the first part that failed; else STATUS_OK. */
static enum status status_of_parts(const struct ranking_gather *gather, const char **ret_detail)
{
    for (size_t i = 0; i < gather->part_count; i++) {
        if (gather->parts[i].store.status != STATUS_OK) {
            *ret_detail = gather->parts[i].store.detail;
            return gather->parts[i].store.status;
        }
    }
    *ret_detail = NULL;
    return STATUS_OK;
}

static enum status merge(struct ranking_gather *gather)
{
    struct ranking_snapshot **snapshots = malloc(gather->part_count * sizeof(struct ranking_snapshot *));
    if (snapshots == NULL) {
        return STATUS_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < gather->part_count; i++) {
        snapshots[i] = gather->parts[i].read.snapshot;
    }
    const enum status status = ranking_merge(gather->question, snapshots, gather->part_count, &gather->snapshot);
    free(snapshots);
    return status;
}

static void finish(struct ranking_gather *gather)
{
    gather->status = status_of_parts(gather, &gather->detail);
    if (gather->status == STATUS_OK && gather->part_count == 1) {
        gather->snapshot = gather->parts[0].read.snapshot;
        ranking_snapshot_hold(gather->snapshot);
    } else if (gather->status == STATUS_OK) {
        gather->status = merge(gather);
        gather->detail = gather->status != STATUS_OK ? no_memory : NULL;
    }
    gather->done(gather);
}

/* Of one read, or of the start; the last one finds all that the others have written. */
static void end_one(struct ranking_gather *gather)
{
    if (atomic_fetch_sub_explicit(&gather->left, 1, memory_order_acq_rel) == 1) {
        finish(gather);
    }
}

/* On a store worker's thread. */
static void on_read(struct store_call *store)
{
    end_one(CONTAINER_OF(store, struct ranking_gather_part, store)->gather);
}

/* ---- the start ---- */

static void submit(struct ranking_gather *gather, struct ranking_gather_part *part, struct store *store, int partition,
                   bool has_resource)
{
    const struct ranking_wanted wanted = {gather->wanted.order, gather->wanted.total && has_resource};
    part->gather = gather;
    ranking_read_init(&part->read, gather->question, wanted);
    part->store = (struct store_call){
        .operation = STORE_RANKING,
        .partition = partition,
        .deadline_us = gather->deadline_us,
        .ranking = &part->read,
        .done = on_read,
    };
    const enum status refused = store_submit(store, &part->store);
    if (refused != STATUS_OK) {
        part->store.status = refused;
        end_one(gather);
    }
}

static void fail(struct ranking_gather *gather, enum status status, const char *detail)
{
    gather->part_count = 0;
    gather->status = status;
    gather->detail = detail;
    gather->done(gather);
}

void ranking_gather_start(struct ranking_gather *gather, struct store *store, struct arena *arena)
{
    const int partitions = store_partitions(store);
    const int first =
        partitions > 1 && gather->wanted.total ? redis_partition_of(gather->question->resource_id, partitions) : 0;
    gather->snapshot = NULL;
    if (partitions == 0) {
        fail(gather, STATUS_REDIS_DOWN, NULL);
        return;
    }
    gather->part_count = gather->wanted.order ? (size_t)partitions : 1;
    gather->parts = arena_alloc(arena, gather->part_count * sizeof(*gather->parts));
    if (gather->parts == NULL) {
        fail(gather, STATUS_OUT_OF_MEMORY, no_memory);
        return;
    }
    atomic_init(&gather->left, gather->part_count + 1);
    for (size_t i = 0; i < gather->part_count; i++) {
        const int partition = gather->wanted.order ? (int)i : first;
        submit(gather, &gather->parts[i], store, partition, partition == first);
    }
    end_one(gather);
}

void ranking_gather_done(struct ranking_gather *gather)
{
    for (size_t i = 0; i < gather->part_count; i++) {
        ranking_read_done(&gather->parts[i].read);
    }
    ranking_snapshot_release(gather->snapshot);
    gather->snapshot = NULL;
    gather->part_count = 0;
}

struct text ranking_gather_total(const struct ranking_gather *gather)
{
    for (size_t i = 0; i < gather->part_count; i++) {
        if (gather->parts[i].read.wanted.total) {
            return ranking_read_total(&gather->parts[i].read);
        }
    }
    return TEXT("");
}
