#include "counter-service/ranking/ranking_snapshot.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"

struct ranking_snapshot *ranking_snapshot_create(void)
{
    struct ranking_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot != NULL) {
        atomic_init(&snapshot->holders, 1);
    }
    return snapshot;
}

void ranking_snapshot_hold(struct ranking_snapshot *snapshot)
{
    const unsigned before = atomic_fetch_add_explicit(&snapshot->holders, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}

void ranking_snapshot_release(struct ranking_snapshot *snapshot)
{
    if (snapshot != NULL && atomic_fetch_sub_explicit(&snapshot->holders, 1, memory_order_acq_rel) == 1) {
        ranking_order_done(&snapshot->order);
        free(snapshot);
    }
}

size_t ranking_snapshot_bytes(const struct ranking_snapshot *snapshot)
{
    return sizeof(*snapshot) + snapshot->order.bytes;
}

enum status ranking_snapshot_read_places(struct ranking_snapshot *snapshot, struct text places)
{
    assert(snapshot->has_board && snapshot->has_top && !snapshot->has_order);
    snapshot->has_order = true;
    snapshot->is_whole = (int64_t)places.len == snapshot->top.length;
    const enum status status = ranking_order_read(&places, 1, &snapshot->order);
    return status == STATUS_DATA_DAMAGED && !snapshot->is_whole ? STATUS_OK : status;
}

/* When no event waits, the rankings are those of now, up to the next period: that one is begun by an event, or a little
 * later. Redis's clock may have stepped back behind the last event. */
int64_t ranking_snapshot_as_of_ms(const struct ranking_snapshot *snapshot, bool is_of_total)
{
    const int64_t counted = is_of_total ? snapshot->total_counted : snapshot->counted;
    const int64_t counted_ms = is_of_total ? snapshot->total_counted_ms : snapshot->counted_ms;
    if (!snapshot->has_board) {
        return snapshot->now_ms;
    }
    const int64_t next_ms = snapshot->next_ms > 0 ? snapshot->next_ms : 1; /* it may be anybody's */
    const int64_t until_ms = clock_earlier(snapshot->now_ms, next_ms - 1);
    const bool nothing_waits = counted == snapshot->appended;
    return nothing_waits && until_ms > counted_ms ? until_ms : counted_ms;
}

int64_t ranking_snapshot_find(const struct ranking_snapshot *snapshot, struct text resource_id)
{
    return ranking_order_find(&snapshot->order, resource_id);
}

/* Members without a board are of nobody knows which period. */
bool ranking_snapshot_belongs(const struct ranking_snapshot *snapshot, int64_t score, struct text resource_id)
{
    return snapshot->has_board && snapshot->has_top && ranking_top_has(&snapshot->top, score, resource_id);
}
