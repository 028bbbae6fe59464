#include "tests/fakes/fake_store.h"

#include <assert.h>
#include <stdlib.h>

#include "counter-service/commands/ranking_read.h"
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

/* One resource, with the number of calls so far as its score. */
static void rank_one(const struct fake_store *store, struct store_call *call)
{
    struct ranking_read *read = call->ranking;
    read->members = calloc(1, sizeof(*read->members));
    assert(read->members != NULL);
    read->members[0] = (struct ranking_entry){(double)store->submitted, TEXT("post-17")};
    read->snapshot = (struct ranking_snapshot){
        .has_board = true,
        .has_top = true,
        .board.period = 20782, /* 2026-11-25 */
        .top.since_ms = INT64_MIN,
        .next_ms = INT64_MAX,
        .rank = call->operation == STORE_RANK ? 0 : -1,
        .members = {read->members, 1},
    };
}

static void complete(const struct fake_store *store, struct store_call *call)
{
    call->status = store->stopped ? STATUS_DRAINING : store->call_status;
    for (size_t i = 0; i < call->item_count; i++) {
        call->items[i].status = store->item_status;
        call->items[i].value = call->items[i].delta * 100;
    }
    if (call->operation == STORE_LIST && call->status == STATUS_OK) {
        list_two(call);
    }
    if (call->ranking != NULL && call->status == STATUS_OK) {
        rank_one(store, call);
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
    *store = (struct fake_store){0};
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
