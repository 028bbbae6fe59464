#include "tests/fakes/ranking_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "counter-service/event/event_batch.h"
#include "counter-service/ranking/ranking_order.h"
#include "counter-service/ranking/ranking_record.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/resp.h"

#define TYPE "like"

enum {
    NAME_SIZE = 16,
    KEY_SIZE = 160,
    ENTRY_EVENTS = 50,
    ENTRY_EVENTS_MAX = 400,
    EVENTS_MAX = 2 * 1000 * 1000,
    TURNS_MAX = 1000 * 1000
};

static struct text name_of(char out[NAME_SIZE], int resource)
{
    return (struct text){out, (size_t)snprintf(out, NAME_SIZE, "r%d", resource)};
}

static struct text key_of(char out[KEY_SIZE], const struct ranking_fixture *fixture, struct text name)
{
    const int len = snprintf(out, KEY_SIZE, "tally:{p%d}:%.*s", fixture->partition, (int)name.len, name.data);
    return (struct text){out, (size_t)len};
}

/* Another store takes the place of the one that runs. */
static void open_store(struct store_fixture *store, bool keeps_events)
{
    store_free(store->store);
    store->store = NULL;
    store->config.kafka.broker_count = 0;
    if (keeps_events) {
        store_fixture_keep_events(store, EVENTS_MAX, WHEN_FULL_DROP_OLDEST);
    }
    store_fixture_open(store);
    store_fixture_await(store, true);
}

void ranking_fixture_open_store(struct ranking_fixture *fixture, bool keeps_events)
{
    open_store(fixture->store, keeps_events);
}

struct ranking_fixture *ranking_fixture_open(struct store_fixture *store, int resource_max, int keep)
{
    open_store(store, true); /* or its heartbeats would tell that it keeps none */
    return ranking_fixture_open_partition(store, 0, resource_max, keep);
}

struct ranking_fixture *ranking_fixture_open_partition(struct store_fixture *store, int partition, int resource_max,
                                                       int keep)
{
    char state[KEY_SIZE];
    struct error error;
    struct redis_address address;
    struct ranking_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->store = store;
    fixture->partition = partition;
    fixture->config = store->config;
    fixture->ranking = (struct ranking_config){
        .rolling = {{"1h", 60 * 60 * 1000}, {"24h", 24 * 60 * 60 * 1000}},
        .rolling_count = 2,
        .keep = keep,
        .utc_offset_min = 8 * 60,
    };
    for (int i = 0; i < RANKING_CALENDARS; i++) {
        fixture->ranking.calendar[i] = true;
    }
    fixture->ranking.counter_type = strdup(TYPE);
    fixture->config.rankings = &fixture->ranking;
    fixture->config.ranking_count = 1;
    (void)key_of(state, fixture, TEXT("rankings"));
    REDIS_ASK(store->redis, "HSET", state, "new", "1"); /* as a service tells that makes the store */
    fixture->resource_max = resource_max;
    fixture->counters = calloc((size_t)resource_max, sizeof(*fixture->counters));
    fixture->events = calloc(EVENTS_MAX, sizeof(*fixture->events));
    assert_true(fixture->counters != NULL && fixture->events != NULL);
    assert_int_equal(redis_address_parse(fixture->config.redis.addrs[0], &address, &error), 0);
    if (outbox_conn_open(&fixture->conn, &address, &fixture->config, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return fixture;
}

void ranking_fixture_free(struct ranking_fixture *fixture)
{
    outbox_conn_close(&fixture->conn);
    free(fixture->ranking.counter_type);
    free(fixture->counters);
    free(fixture->events);
    free(fixture);
}

/* ---- events ---- */

static void put_counters(struct ranking_fixture *fixture, struct buffer *requests, struct buffer *items,
                         struct buffer *results, const struct ranking_event *events, size_t count)
{
    const struct redis_key_prefix prefix = redis_key_prefix_of(fixture->partition);
    for (size_t i = 0; i < count; i++) {
        char name[NAME_SIZE];
        const struct text id = name_of(name, events[i].resource);
        const struct event_batch_item item = {id, TEXT(TYPE), {NULL, 0}, events[i].delta};
        assert_true(events[i].resource < fixture->resource_max);
        event_batch_put(items, &item);
        fixture->counters[events[i].resource] += events[i].delta;
        buffer_append_format(results, "%s%" PRId64, i > 0 ? " " : "", fixture->counters[events[i].resource]);
        resp_put_array(requests, 4);
        resp_put_string(requests, TEXT("HSET"));
        redis_key_put_counters(requests, &prefix, id);
        resp_put_string(requests, TEXT(TYPE));
        resp_put_integer(requests, fixture->counters[events[i].resource]);
    }
}

static void put_entry(const struct ranking_fixture *fixture, struct buffer *requests, int64_t ms, struct text items,
                      struct text results)
{
    char id[32];
    char first[DECIMAL_LEN_MAX + 1];
    char stream[KEY_SIZE];
    snprintf(id, sizeof(id), "%" PRId64 "-%" PRIu64, ms, fixture->number);
    snprintf(first, sizeof(first), "%" PRIu64, fixture->number + 1);
    redis_command_words(requests, TEXT("XADD"), key_of(stream, fixture, TEXT("events")), text_of(id), TEXT("n"),
                        text_of(first), TEXT("i"), items, TEXT("r"), results);
}

static void put_last_number(struct ranking_fixture *fixture, struct buffer *requests, size_t count)
{
    char last[DECIMAL_LEN_MAX + 1];
    char marks[KEY_SIZE];
    fixture->number += count;
    snprintf(last, sizeof(last), "%" PRIu64, fixture->number);
    redis_command_words(requests, TEXT("HSET"), key_of(marks, fixture, TEXT("outbox")), TEXT("n"), text_of(last));
}

static void write_entry(struct ranking_fixture *fixture, int64_t ms, const struct ranking_event *events, size_t count,
                        bool dropped)
{
    struct error error;
    struct redis_reply reply;
    struct buffer requests;
    struct buffer items;
    struct buffer results;
    buffer_init(&requests);
    buffer_init(&items);
    buffer_init(&results);
    assert_true(ms >= fixture->now_ms);
    fixture->now_ms = ms;
    event_batch_begin(&items);
    put_counters(fixture, &requests, &items, &results, events, count);
    if (!dropped) {
        put_entry(fixture, &requests, ms, (struct text){items.data, items.len},
                  (struct text){results.data, results.len});
    }
    put_last_number(fixture, &requests, count);
    assert_int_equal(redis_command_begin(fixture->conn.redis, &requests, 5000, &error), 0);
    for (size_t i = 0; i < count + (dropped ? 1 : 2); i++) {
        if (redis_command_expect(fixture->conn.redis, "write", &reply, &error) != 0) {
            fail_msg("%s", error.message);
        }
    }
    for (size_t i = 0; i < count && !dropped; i++) {
        assert_true(fixture->event_count < EVENTS_MAX);
        fixture->events[fixture->event_count] = events[i];
        fixture->events[fixture->event_count++].ms = ms;
    }
    buffer_done(&requests);
    buffer_done(&items);
    buffer_done(&results);
}

void ranking_fixture_write(struct ranking_fixture *fixture, int64_t ms, const struct ranking_event *events,
                           size_t count)
{
    write_entry(fixture, ms, events, count, false);
}

void ranking_fixture_drop(struct ranking_fixture *fixture, int64_t ms, const struct ranking_event *events, size_t count)
{
    write_entry(fixture, ms, events, count, true);
}

int64_t ranking_fixture_start_ms(void)
{
    return clock_realtime_us() / 1000 + INT64_C(400) * 24 * 60 * 60 * 1000;
}

void ranking_fixture_write_one(struct ranking_fixture *fixture, int64_t ms, int resource, int64_t delta)
{
    const struct ranking_event event = {.resource = resource, .delta = delta};
    ranking_fixture_write(fixture, ms, &event, 1);
}

void ranking_fixture_write_each(struct ranking_fixture *fixture, int64_t ms, int count, int64_t delta)
{
    for (int i = 0; i < count; i += ENTRY_EVENTS) {
        struct ranking_event events[ENTRY_EVENTS];
        const int end = count - i < ENTRY_EVENTS ? count - i : ENTRY_EVENTS;
        for (int k = 0; k < end; k++) {
            events[k] = (struct ranking_event){.resource = i + k, .delta = delta + i + k};
        }
        ranking_fixture_write(fixture, ms, events, (size_t)end);
    }
}

/* ---- the aggregator ---- */

static struct aggregator_all *all_of(const struct aggregator_run *run)
{
    return CONTAINER_OF(run->shared, struct aggregator_all, shared);
}

static void hurry(struct outbox_set *set)
{
    set->start_us = set->start_us != 0 ? 1 : 0;
    LIST_EACH (struct outbox_node, node, &set->nodes.list, node) {
        node->retry_us = node->retry_us != 0 ? 1 : 0;
    }
    for (size_t i = 0; i < set->count; i++) {
        set->members[i].retry_us = set->members[i].retry_us != 0 ? 1 : 0;
    }
}

void ranking_fixture_hurry(struct aggregator_run *run)
{
    hurry(&all_of(run)->set);
}

int ranking_fixture_turn(struct aggregator_run *run)
{
    return aggregator_all_turn(all_of(run));
}

void ranking_fixture_finish(struct aggregator_run *run)
{
    aggregator_all_finish(all_of(run));
}

struct aggregator_run *ranking_fixture_start(struct ranking_fixture *fixture)
{
    struct aggregator_all *all = malloc(sizeof(*all));
    assert_non_null(all);
    REDIS_ASK(fixture->store->redis, "DEL", "tally:{p0}:lease:rankings");
    aggregator_all_init(all, &fixture->config, fixture->store->topology);
    hurry(&all->set);
    (void)aggregator_all_turn(all);
    assert_int_equal(all->set.count, 1);
    struct aggregator_run *run = all->runs;
    run->gather_us = 0;
    for (int i = 0; i < 10 && (!run->follower->owns || run->must_load); i++) {
        ranking_fixture_hurry(run);
        (void)ranking_fixture_turn(run);
    }
    assert_true(run->follower->owns && !run->must_load);
    return run;
}

void ranking_fixture_kill(struct aggregator_run *run)
{
    struct aggregator_all *all = all_of(run);
    aggregator_all_done(all);
    free(all);
}

void ranking_fixture_upkeep_is_due(struct aggregator_run *run)
{
    run->shared->upkeep_us = clock_monotonic_us();
}

void ranking_fixture_settle(struct aggregator_run *run)
{
    int idle = 0;
    for (int i = 0; i < TURNS_MAX && idle < 3; i++) {
        const int pause_ms = ranking_fixture_turn(run);
        if (run->conn == NULL) {
            fail_msg("%s", run->trouble.message);
        }
        idle = pause_ms < 20 ? 0 : idle + 1;
        ranking_fixture_upkeep_is_due(run);
    }
    assert_int_equal(idle, 3);
    assert_int_equal(outbox_follower_waiting(run->follower), 0);
}

struct ranked_window *ranking_fixture_window(struct aggregator_run *run, const char *name)
{
    RANKED_EACH (&run->state, ranked) {
        if (strcmp(ranked->window.name, name) == 0) {
            return ranked;
        }
    }
    fail_msg("there is no window %s", name);
    return NULL;
}

int64_t ranking_fixture_since(struct aggregator_run *run, const char *name)
{
    return ranked_top(ranking_fixture_window(run, name))->since_ms;
}

bool ranking_fixture_is_whole(const struct ranked_window *ranked)
{
    return ranked->board.tops[ranked_slot(ranked)].since_ms == INT64_MIN && !ranked->board.filling;
}

/* ---- brute force ---- */

struct standing {
    int64_t score;
    char name[NAME_SIZE];
};

static int by_place(const void *left, const void *right)
{
    const struct standing *a = left;
    const struct standing *b = right;
    return a->score != b->score ? (a->score > b->score ? -1 : 1) : strcmp(a->name, b->name);
}

static bool is_in(const struct ranking_window *window, const struct ranking_board *board, int64_t period, int64_t ms)
{
    const int64_t at = ranking_period_at(window, ms);
    return window->kind == RANKING_KIND_ROLLING ? at > board->period - window->bucket_count : at == period;
}

/* The true order; *ret_count is how many have a place. */
static struct standing *stand(const struct ranking_fixture *fixture, const struct ranked_window *ranked, int64_t period,
                              size_t *ret_count)
{
    struct standing *all = calloc((size_t)fixture->resource_max, sizeof(*all));
    assert_non_null(all);
    for (int i = 0; i < fixture->resource_max; i++) {
        (void)name_of(all[i].name, i);
        all[i].score = ranked->window.kind == RANKING_KIND_ALL ? fixture->counters[i] : 0;
    }
    for (size_t i = 0; i < fixture->event_count && ranked->window.kind != RANKING_KIND_ALL; i++) {
        const struct ranking_event *event = &fixture->events[i];
        if (is_in(&ranked->window, &ranked->board, period, event->ms)) {
            all[event->resource].score += event->delta;
        }
    }
    size_t count = 0;
    for (int i = 0; i < fixture->resource_max; i++) {
        if (all[i].score != 0) {
            all[count++] = all[i];
        }
    }
    qsort(all, count, sizeof(*all), by_place);
    *ret_count = count;
    return all;
}

/* What the top's string holds, as long as the board says. */
static void read_top(const struct ranking_fixture *fixture, struct text key, const struct ranking_top *top,
                     struct ranking_order *ret_order)
{
    char full[KEY_SIZE];
    struct error error;
    struct redis_reply reply;
    struct buffer requests;
    buffer_init(&requests);
    redis_command_words(&requests, TEXT("GET"), key_of(full, fixture, key));
    assert_int_equal(redis_command_begin(fixture->conn.redis, &requests, 5000, &error), 0);
    assert_int_equal(redis_command_expect(fixture->conn.redis, "GET", &reply, &error), 0);
    assert_int_equal(reply.text.len, top->length);
    assert_int_equal(ranking_order_read(&reply.text, 1, ret_order), STATUS_OK);
    assert_int_equal(ret_order->count, top->members);
    buffer_done(&requests);
}

/* The first of them, as many as there are, are what the top holds. */
static size_t compare_top(const struct ranking_fixture *fixture, struct text key, const struct ranking_top *top,
                          const struct standing *all, size_t count, const char *what)
{
    struct ranking_order order;
    read_top(fixture, key, top, &order);
    const size_t members = order.count;
    if (members > count) {
        fail_msg("%s has %zu members, and %zu have a place", what, members, count);
    }
    for (size_t i = 0; i < members; i++) {
        const struct ranking_entry *entry = &order.entries[i];
        if (!text_equal(entry->resource_id, text_of(all[i].name)) || entry->score != all[i].score) {
            fail_msg("%s: place %zu of %zu has %.*s with %" PRId64 ", not %s with %" PRId64, what, i, members,
                     (int)entry->resource_id.len, entry->resource_id.data, entry->score, all[i].name, all[i].score);
        }
    }
    ranking_order_done(&order);
    return members;
}

static void compare_slot(struct ranking_fixture *fixture, const struct ranked_window *ranked, int64_t period)
{
    char key[RANKING_KEY_SIZE];
    char what[64];
    size_t count;
    const size_t slot = ranking_slot(&ranked->window, period);
    const struct ranking_top *top = &ranked->board.tops[slot];
    const bool is_running = period == ranked->board.period;
    struct standing *all = stand(fixture, ranked, period, &count);
    snprintf(what, sizeof(what), "%s %s", is_running ? "running" : "former", ranked->window.name);
    if (top->since_ms == INT64_MIN) {
        const size_t members = compare_top(fixture, ranking_top_key(key, ranked->counter_type, &ranked->window, slot),
                                           top, all, count, what);
        assert_true(members <= 2 * (size_t)ranked->keep + ENTRY_EVENTS_MAX);
        assert_true(top->is_bounded || members == count);
        assert_true(!is_running || members >= count || members >= (size_t)(ranked->keep - ranked->keep / 4));
    }
    free(all);
}

void ranking_fixture_compare(struct ranking_fixture *fixture, const struct aggregator_run *run)
{
    RANKED_EACH (&run->state, ranked) {
        compare_slot(fixture, ranked, ranked->board.period);
        if (ranked->window.kind == RANKING_KIND_CALENDAR) {
            compare_slot(fixture, ranked, ranked->board.period - 1);
        }
    }
}
