#include "counter-service/store/store_split.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/compiler.h"
#include "common/contract/limits.h"
#include "counter-service/commands/item_trace.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"

struct part {
    struct store_call call;
    struct store_split *split;
    const uint16_t *origins; /* where its items are in the call */
};

/* One block of memory, with all that it points to but the call. */
struct store_split {
    struct store_call *call;
    atomic_size_t left; /* parts that are not done, and one for whoever gives them away */
    size_t part_count;
    struct part *parts;
    struct store_item *items; /* sorted by partition, and as they were within it */
    uint16_t *origins;
    struct item_trace *traces; /* NULL: the call has none */
};
_Static_assert(BATCH_ITEMS_MAX <= UINT16_MAX, "an item's place fits");

static bool is_about_session(const struct store_call *call)
{
    return call->operation == STORE_OPEN_SESSION || call->operation == STORE_KEEP_SESSION;
}

bool store_split_is_whole(struct store_call *call, int partitions)
{
    if (call->operation == STORE_RANKING) {
        return true;
    }
    call->partition = 0;
    if (partitions == 1) {
        return true;
    }
    if (is_about_session(call)) {
        return false;
    }
    call->partition = redis_partition_of(call->items[0].resource_id, partitions);
    for (size_t i = 1; i < call->item_count; i++) {
        if (redis_partition_of(call->items[i].resource_id, partitions) != call->partition) {
            return false;
        }
    }
    return true;
}

/* ---- the end ---- */

/* A session that is gone in one partition is gone for its owner, whatever else failed. */
static const struct part *worst_of(const struct store_split *split)
{
    const struct part *worst = &split->parts[0];
    for (size_t i = 1; i < split->part_count; i++) {
        const struct part *part = &split->parts[i];
        if (part->call.status == STATUS_NO_SESSION || worst->call.status == STATUS_OK) {
            worst = part;
        }
    }
    return worst;
}

static bool ended_alike(const struct store_split *split)
{
    for (size_t i = 1; i < split->part_count; i++) {
        if (split->parts[i].call.status != split->parts[0].call.status) {
            return false;
        }
    }
    return true;
}

static void copy_results(const struct part *part, struct store_item *items)
{
    for (size_t i = 0; i < part->call.item_count; i++) {
        const struct store_item *from = &part->call.items[i];
        struct store_item *to = &items[part->origins[i]];
        if (part->call.status == STATUS_OK) {
            to->status = from->status;
            to->detail = from->detail;
            to->value = from->value;
            to->replayed = from->replayed;
            to->is_decided = from->is_decided;
        } else {
            to->status = part->call.status;
            to->detail = part->call.detail;
            to->is_decided = false;
        }
    }
}

static void join(struct store_split *split)
{
    struct store_call *call = split->call;
    const struct store_call *first = &split->parts[0].call;
    enum status status = STATUS_OK;
    const char *detail = NULL;
    for (size_t i = 0; i < split->part_count; i++) {
        const struct part *part = &split->parts[i];
        call->sent_us = part->call.sent_us > call->sent_us ? part->call.sent_us : call->sent_us;
        call->submitted_us =
            part->call.submitted_us > call->submitted_us ? part->call.submitted_us : call->submitted_us;
        copy_results(part, call->items);
    }
    if (is_about_session(call)) {
        const struct store_call *worst = &worst_of(split)->call;
        memcpy(call->store_id, first->store_id, sizeof(call->store_id));
        call->idle_timeout_ms = first->idle_timeout_ms;
        status = worst->status;
        detail = worst->detail;
    } else if (ended_alike(split)) {
        status = first->status;
        detail = first->detail;
    }
    store_split_drop(split);
    store_call_finish(call, status, detail);
}

void store_split_release(struct store_split *split)
{
    if (atomic_fetch_sub_explicit(&split->left, 1, memory_order_acq_rel) == 1) {
        join(split);
    }
}

static void part_done(struct store_call *call)
{
    store_split_release(CONTAINER_OF(call, struct part, call)->split);
}

/* ---- the beginning ---- */

struct sorted {
    size_t starts[REDIS_PARTITIONS_MAX + 1]; /* where the items of a partition begin, and those of the next */
    uint16_t partition_of[BATCH_ITEMS_MAX];
    size_t part_count;
};

static void sort(const struct store_call *call, int partitions, struct sorted *sorted)
{
    memset(sorted->starts, 0, sizeof(sorted->starts));
    for (size_t i = 0; i < call->item_count; i++) {
        const int partition = redis_partition_of(call->items[i].resource_id, partitions);
        sorted->partition_of[i] = (uint16_t)partition;
        sorted->starts[partition + 1]++;
    }
    sorted->part_count = is_about_session(call) ? (size_t)partitions : 0;
    for (int i = 0; i < partitions; i++) {
        sorted->part_count += sorted->starts[i + 1] > 0;
        sorted->starts[i + 1] += sorted->starts[i];
    }
}

/* How many entries the parts' lists of traces may need. */
static size_t traces_max(const struct store_call *call, size_t part_count)
{
    size_t max = 0;
    for (const struct item_trace *trace = call->traces; trace != NULL; trace = trace->next) {
        const bool is_of_few = trace->place != ITEM_TRACE_WHOLE && trace->count < part_count;
        max += is_of_few ? trace->count : part_count;
    }
    return max;
}

static struct store_split *allocate(const struct store_call *call, size_t part_count)
{
    const size_t parts_bytes = part_count * sizeof(struct part);
    const size_t items_bytes = call->item_count * sizeof(struct store_item);
    const size_t traces_bytes = traces_max(call, part_count) * sizeof(struct item_trace);
    const size_t origins_bytes = call->item_count * sizeof(uint16_t);
    struct store_split *split = malloc(sizeof(*split) + parts_bytes + items_bytes + traces_bytes + origins_bytes);
    if (split == NULL) {
        return NULL;
    }
    char *at = (char *)(split + 1);
    *split = (struct store_split){.part_count = part_count, .parts = (struct part *)(void *)at};
    split->items = (struct store_item *)(void *)(at += parts_bytes);
    split->traces = (struct item_trace *)(void *)(at += items_bytes);
    split->origins = (uint16_t *)(void *)(at + traces_bytes);
    return split;
}

static void place_items(struct store_split *split, const struct sorted *sorted)
{
    size_t next[REDIS_PARTITIONS_MAX];
    memcpy(next, sorted->starts, sizeof(next));
    for (size_t i = 0; i < split->call->item_count; i++) {
        const size_t place = next[sorted->partition_of[i]]++;
        split->items[place] = split->call->items[i];
        split->origins[place] = (uint16_t)i;
    }
}

/* The traces of the part's items: in the part they are side by side, since its items are in the call's order. Returns
 * where the next part's begin. */
static struct item_trace *place_traces(struct part *part, const struct item_trace *traces, struct item_trace *free_at)
{
    const struct item_trace **last = &part->call.traces;
    size_t next = 0;
    for (const struct item_trace *trace = traces; trace != NULL; trace = trace->next) {
        struct item_trace own = *trace;
        own.next = NULL;
        if (trace->place != ITEM_TRACE_WHOLE) {
            while (next < part->call.item_count && part->origins[next] < trace->place) {
                next++;
            }
            own.place = next;
            while (next < part->call.item_count && part->origins[next] - trace->place < trace->count) {
                next++;
            }
            own.count = next - own.place;
            if (own.count == 0) {
                continue;
            }
        }
        *free_at = own;
        *last = free_at;
        last = (const struct item_trace **)&free_at->next;
        free_at++;
    }
    return free_at;
}

static void make_parts(struct store_split *split, int partitions, const struct sorted *sorted)
{
    struct item_trace *free_at = split->traces;
    struct part *part = split->parts;
    for (int i = 0; i < partitions; i++) {
        const size_t start = sorted->starts[i];
        const size_t count = sorted->starts[i + 1] - start;
        if (count == 0 && !is_about_session(split->call)) {
            continue;
        }
        *part = (struct part){.call = *split->call, .split = split, .origins = split->origins + start};
        part->call.partition = i;
        part->call.items = split->items + start;
        part->call.item_count = count;
        part->call.traces = NULL;
        part->call.done = part_done;
        free_at = place_traces(part, split->call->traces, free_at);
        part++;
    }
    assert((size_t)(part - split->parts) == split->part_count);
}

struct store_split *store_split_create(struct store_call *call, int partitions)
{
    struct sorted sorted;
    assert(call->item_count <= BATCH_ITEMS_MAX && partitions <= REDIS_PARTITIONS_MAX);
    assert(call->operation != STORE_LIST && call->operation != STORE_RANKING);
    sort(call, partitions, &sorted);
    struct store_split *split = allocate(call, sorted.part_count);
    if (split == NULL) {
        return NULL;
    }
    split->call = call;
    atomic_init(&split->left, sorted.part_count + 1);
    place_items(split, &sorted);
    make_parts(split, partitions, &sorted);
    return split;
}

size_t store_split_count(const struct store_split *split)
{
    return split->part_count;
}

struct store_call *store_split_part(struct store_split *split, size_t index)
{
    assert(index < split->part_count);
    return &split->parts[index].call;
}

void store_split_drop(struct store_split *split)
{
    free(split);
}
