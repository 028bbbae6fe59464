#include "tests/fakes/fake_store.h"

#include <assert.h>
#include <stdlib.h>

#include "counter-service/commands/ranking_read.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/ranking/ranking_places.h"
#include "counter-service/ranking/ranking_record.h"
#include "tests/fakes/wait_for.h"

enum status fake_store_submit(struct fake_store *store, struct store_call *call)
{
    pthread_mutex_lock(&store->lock);
    const enum status refused = store->refuses;
    if (refused == STATUS_OK) {
        store->submitted++;
        store->deadline_us = call->deadline_us;
        call->next = NULL;
        *store->last = call;
        store->last = &call->next;
        pthread_cond_signal(&store->changed);
    }
    pthread_mutex_unlock(&store->lock);
    return refused;
}

static void list_two(struct store_call *call)
{
    call->listed = calloc(2, sizeof(*call->listed));
    assert(call->listed != NULL);
    buffer_append_text(&call->list_memory, TEXT("likeview"));
    call->listed[0] = (struct store_listed){{call->list_memory.data, 4}, 3};
    call->listed[1] = (struct store_listed){{call->list_memory.data + 4, 4}, 4};
    call->listed_count = 2;
}

enum { TODAY = 20782, KEEP = 1000 }; /* 2026-11-25 */

static void put_total(struct ranking_read *read, int64_t total)
{
    struct ranking_record record = {.count = 0};
    char packed[RANKING_RECORD_LEN_MAX];
    struct ranking_bucket_change unused;
    ranking_record_add(&record, &read->question->window, TODAY, total, &unused);
    buffer_append(&read->total, packed, ranking_record_pack(&record, packed));
}

static bool is_in(const struct fake_store *store, struct text resource_id, int partition)
{
    return redis_partition_of(resource_id, store->partitions) == partition;
}

static void put_order(const struct fake_store *store, const struct ranking_read *read, int partition)
{
    const struct text asked = read->question->resource_id;
    struct buffer places;
    buffer_init(&places);
    ranking_places_begin(&places);
    if (is_in(store, TEXT("post-17"), partition)) {
        ranking_places_put(&places, TEXT("post-17"), (int64_t)store->submitted);
    }
    if (ranking_question_is_of_one(read->question) && store->ranking_total > store->ranking_floor &&
        is_in(store, asked, partition)) {
        ranking_places_put(&places, asked, store->ranking_total);
    }
    read->snapshot->top.length = (int64_t)places.len;
    const enum status status = ranking_snapshot_read_places(read->snapshot, (struct text){places.data, places.len});
    assert(status == STATUS_OK);
    (void)status;
    buffer_done(&places);
}

static void fill_ranking(struct fake_store *store, struct ranking_read *read, int partition)
{
    struct ranking_snapshot *snapshot = ranking_snapshot_create();
    assert(snapshot != NULL);
    snapshot->has_board = true;
    snapshot->board.period = TODAY;
    snapshot->next_ms = INT64_MAX;
    snapshot->has_top = true;
    snapshot->is_whole = true;
    snapshot->top =
        (struct ranking_top){.since_ms = INT64_MIN, .members = KEEP, .is_bounded = store->ranking_floor > 0};
    ranking_place_set(&snapshot->top.floor, store->ranking_floor, TEXT("floor"));
    read->snapshot = snapshot;
    if (read->wanted.total) {
        assert(is_in(store, read->question->resource_id, partition));
        store->asked_total |= UINT64_C(1) << partition;
        put_total(read, store->ranking_total);
    }
    if (read->wanted.order) {
        put_order(store, read, partition);
    }
}

static void complete(struct fake_store *store, struct store_call *call)
{
    const bool is_well = call->ranking != NULL && store->failing >= 0 && call->partition != store->failing;
    call->status = store->stopped ? STATUS_DRAINING : is_well ? STATUS_OK : store->call_status;
    for (size_t i = 0; i < call->item_count; i++) {
        call->items[i].status = store->item_status;
        call->items[i].value = call->items[i].delta * 100;
    }
    if (call->operation == STORE_LIST && call->status == STATUS_OK) {
        list_two(call);
    }
    if (call->ranking != NULL && call->status == STATUS_OK) {
        fill_ranking(store, call->ranking, call->partition);
    }
}

static void *work(void *data)
{
    struct fake_store *store = data;
    pthread_mutex_lock(&store->lock);
    while (!store->stopped || store->first != NULL) {
        struct store_call *call = store->first;
        if (call == NULL || (store->holds && !store->stopped)) {
            pthread_cond_wait(&store->changed, &store->lock);
            continue;
        }
        store->first = call->next;
        if (store->first == NULL) {
            store->last = &store->first;
        }
        complete(store, call);
        pthread_mutex_unlock(&store->lock);
        call->done(call);
        pthread_mutex_lock(&store->lock);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

void fake_store_start(struct fake_store *store)
{
    *store = (struct fake_store){.partitions = 1, .failing = -1};
    store->last = &store->first;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->changed, NULL);
    const int failure = pthread_create(&store->worker, NULL, work, store);
    assert(failure == 0);
    (void)failure;
}

void fake_store_stop(struct fake_store *store)
{
    pthread_mutex_lock(&store->lock);
    const bool again = store->stopped;
    store->stopped = true;
    pthread_cond_signal(&store->changed);
    pthread_mutex_unlock(&store->lock);
    if (!again) {
        pthread_join(store->worker, NULL);
    }
}

void fake_store_set(struct fake_store *store, enum status refuses, enum status call_status, enum status item_status)
{
    pthread_mutex_lock(&store->lock);
    store->refuses = refuses;
    store->call_status = call_status;
    store->item_status = item_status;
    pthread_mutex_unlock(&store->lock);
}

void fake_store_hold(struct fake_store *store, bool holds)
{
    pthread_mutex_lock(&store->lock);
    store->holds = holds;
    pthread_cond_signal(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

void fake_store_rank(struct fake_store *store, int64_t total, int64_t floor)
{
    pthread_mutex_lock(&store->lock);
    store->ranking_total = total;
    store->ranking_floor = floor;
    pthread_mutex_unlock(&store->lock);
}

void fake_store_fail_partition(struct fake_store *store, int partition)
{
    pthread_mutex_lock(&store->lock);
    store->failing = partition;
    pthread_mutex_unlock(&store->lock);
}

uint64_t fake_store_asked_total(struct fake_store *store)
{
    pthread_mutex_lock(&store->lock);
    const uint64_t asked = store->asked_total;
    pthread_mutex_unlock(&store->lock);
    return asked;
}

size_t fake_store_submitted(struct fake_store *store)
{
    pthread_mutex_lock(&store->lock);
    const size_t count = store->submitted;
    pthread_mutex_unlock(&store->lock);
    return count;
}

int64_t fake_store_deadline_us(struct fake_store *store)
{
    pthread_mutex_lock(&store->lock);
    const int64_t deadline_us = store->deadline_us;
    pthread_mutex_unlock(&store->lock);
    return deadline_us;
}

void fake_store_wait(struct fake_store *store, size_t count)
{
    WAIT_FOR(fake_store_submitted(store) >= count);
}
