#include "counter-service/store/store_split.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/contract/limits.h"
#include "counter-service/commands/item_trace.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"

enum { NAME_SIZE = 16, THREADS = 4 };

/* A call with so many items, each with its place as delta. */
struct sample {
    struct store_call call;
    struct store_item items[BATCH_ITEMS_MAX];
    char names[BATCH_ITEMS_MAX][NAME_SIZE];
    int done;
};

static void on_done(struct store_call *call)
{
    ((struct sample *)(void *)call)->done++; /* call is the first member */
}

static struct sample *sample_of(enum store_operation operation, size_t item_count)
{
    static struct sample sample;
    memset(&sample, 0, sizeof(sample));
    sample.call =
        (struct store_call){.operation = operation, .items = sample.items, .item_count = item_count, .done = on_done};
    for (size_t i = 0; i < item_count; i++) {
        snprintf(sample.names[i], NAME_SIZE, "r%zu", i);
        sample.items[i] = (struct store_item){
            .resource_id = text_of(sample.names[i]), .counter_type = TEXT("n"), .delta = (int64_t)i + 1};
    }
    return &sample;
}

static struct store_split *split_of(struct sample *sample, int partitions)
{
    assert_false(store_split_is_whole(&sample->call, partitions));
    struct store_split *split = store_split_create(&sample->call, partitions);
    assert_non_null(split);
    return split;
}

/* As Redis would answer: the value is ten times the delta. */
static void answer(struct store_call *part)
{
    for (size_t i = 0; i < part->item_count; i++) {
        part->items[i].value = part->items[i].delta * 10;
        part->items[i].is_decided = true;
    }
    store_call_finish(part, STATUS_OK, NULL);
}

static void test_a_call_in_one_partition_is_whole(void **state)
{
    (void)state;
    struct sample *sample = sample_of(STORE_INCREMENT, 3);
    assert_true(store_split_is_whole(&sample->call, 1));
    assert_int_equal(sample->call.partition, 0);
    sample->call.item_count = 1;
    assert_true(store_split_is_whole(&sample->call, 64));
    assert_int_equal(sample->call.partition, redis_partition_of(sample->items[0].resource_id, 64));
    sample->items[1].resource_id = sample->items[0].resource_id;
    sample->call.item_count = 2;
    assert_true(store_split_is_whole(&sample->call, 64));
    sample->call.item_count = 0;
    sample->call.operation = STORE_OPEN_SESSION;
    assert_true(store_split_is_whole(&sample->call, 1));
    assert_false(store_split_is_whole(&sample->call, 2));
    sample->call.operation = STORE_RANKING;
    sample->call.partition = 7;
    assert_true(store_split_is_whole(&sample->call, 64));
    assert_int_equal(sample->call.partition, 7);
}

static void check_parts(const struct sample *sample, struct store_split *split, int partitions)
{
    size_t items = 0;
    int last = -1;
    for (size_t i = 0; i < store_split_count(split); i++) {
        const struct store_call *part = store_split_part(split, i);
        assert_true(part->partition > last);
        last = part->partition;
        assert_true(part->item_count > 0);
        for (size_t n = 0; n < part->item_count; n++) {
            assert_int_equal(redis_partition_of(part->items[n].resource_id, partitions), part->partition);
            assert_true(n == 0 || part->items[n].delta > part->items[n - 1].delta); /* in the call's order */
        }
        items += part->item_count;
    }
    assert_int_equal(items, sample->call.item_count);
}

static void test_items_come_back_in_their_order(void **state)
{
    (void)state;
    static const int numbers[] = {2, 4, 64, REDIS_PARTITIONS_MAX};
    for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
        struct sample *sample = sample_of(STORE_INCREMENT, BATCH_ITEMS_MAX);
        struct store_split *split = split_of(sample, numbers[n]);
        check_parts(sample, split, numbers[n]);
        /* The last first. */
        for (size_t i = store_split_count(split); i-- > 0;) {
            answer(store_split_part(split, i));
            assert_int_equal(sample->done, 0);
        }
        store_split_release(split);
        assert_int_equal(sample->done, 1);
        assert_int_equal(sample->call.status, STATUS_OK);
        for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
            assert_int_equal(sample->items[i].delta, i + 1);
            assert_int_equal(sample->items[i].value, 10 * (i + 1));
            assert_true(sample->items[i].is_decided);
        }
    }
}

static void test_a_call_ends_with_its_last_part(void **state)
{
    (void)state;
    struct sample *sample = sample_of(STORE_INCREMENT, 20);
    struct store_split *split = split_of(sample, 4);
    const size_t count = store_split_count(split);
    struct store_call *last = store_split_part(split, 1);
    for (size_t i = 0; i < count; i++) {
        struct store_call *part = store_split_part(split, i);
        part->submitted_us = 100 + (int64_t)i;
        part->sent_us = 1000 - (int64_t)i;
        if (part != last) {
            answer(part);
        }
    }
    store_split_release(split);
    assert_int_equal(sample->done, 0);
    answer(last);
    assert_int_equal(sample->done, 1);
    assert_int_equal(sample->call.submitted_us, 100 + count - 1);
    assert_int_equal(sample->call.sent_us, 1000);
}

static void test_parts_that_end_alike_are_the_calls_end(void **state)
{
    (void)state;
    static const char why[] = "Redis is down";
    struct sample *sample = sample_of(STORE_INCREMENT, 20);
    struct store_split *split = split_of(sample, 4);
    for (size_t i = 0; i < store_split_count(split); i++) {
        store_call_finish(store_split_part(split, i), STATUS_REDIS_DOWN, why);
    }
    store_split_release(split);
    assert_int_equal(sample->done, 1);
    assert_int_equal(sample->call.status, STATUS_REDIS_DOWN);
    assert_string_equal(sample->call.detail, why);
}

static void test_parts_that_end_differently_are_told_by_their_items(void **state)
{
    (void)state;
    static const enum status ends[] = {STATUS_REPLY_LOST, STATUS_OK, STATUS_REDIS_DOWN, STATUS_NO_SESSION};
    struct sample *sample = sample_of(STORE_INCREMENT, 100);
    struct store_split *split = split_of(sample, 4);
    assert_int_equal(store_split_count(split), 4);
    for (size_t i = 0; i < 4; i++) {
        struct store_call *part = store_split_part(split, i);
        if (ends[i] == STATUS_OK) {
            part->items[0].status = STATUS_DATA_DAMAGED; /* an item of its own */
            answer(part);
        } else {
            store_call_finish(part, ends[i], "why");
        }
    }
    store_split_release(split);
    assert_int_equal(sample->call.status, STATUS_OK);
    size_t damaged = 0;
    for (size_t i = 0; i < 100; i++) {
        const struct store_item *item = &sample->items[i];
        const enum status end = ends[redis_partition_of(item->resource_id, 4)];
        if (end != STATUS_OK) {
            assert_int_equal(item->status, end);
            assert_string_equal(item->detail, "why");
            assert_false(item->is_decided);
            continue;
        }
        damaged += item->status == STATUS_DATA_DAMAGED;
        assert_true(item->is_decided);
        assert_int_equal(item->value, 10 * (i + 1));
    }
    assert_int_equal(damaged, 1);
}

/* ---- sessions ---- */

static enum status session_end(enum store_operation operation, const enum status ends[4])
{
    struct sample *sample = sample_of(operation, 0);
    struct store_split *split = split_of(sample, 4);
    assert_int_equal(store_split_count(split), 4);
    for (size_t i = 0; i < 4; i++) {
        struct store_call *part = store_split_part(split, i);
        assert_int_equal(part->partition, i);
        assert_int_equal(part->item_count, 0);
        snprintf(part->store_id, sizeof(part->store_id), "store");
        part->idle_timeout_ms = 1234;
        store_call_finish(part, ends[i], NULL);
    }
    store_split_release(split);
    assert_int_equal(sample->done, 1);
    if (sample->call.status == STATUS_OK) {
        assert_string_equal(sample->call.store_id, "store");
        assert_int_equal(sample->call.idle_timeout_ms, 1234);
    }
    return sample->call.status;
}

#define ENDS(...) ((const enum status[4]){__VA_ARGS__})

static void test_a_session_is_one_in_every_partition(void **state)
{
    (void)state;
    assert_int_equal(session_end(STORE_OPEN_SESSION, ENDS(STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK)), STATUS_OK);
    assert_int_equal(session_end(STORE_OPEN_SESSION, ENDS(STATUS_OK, STATUS_OK, STATUS_OK, STATUS_SHED)), STATUS_SHED);
    assert_int_equal(session_end(STORE_OPEN_SESSION, ENDS(STATUS_REDIS_DOWN, STATUS_OK, STATUS_OK, STATUS_OK)),
                     STATUS_REDIS_DOWN);
    assert_int_equal(session_end(STORE_KEEP_SESSION, ENDS(STATUS_OK, STATUS_EXPIRED, STATUS_OK, STATUS_OK)),
                     STATUS_EXPIRED);
}

static void test_a_session_that_one_partition_has_lost_is_lost(void **state)
{
    (void)state;
    assert_int_equal(session_end(STORE_KEEP_SESSION, ENDS(STATUS_REDIS_DOWN, STATUS_NO_SESSION, STATUS_OK, STATUS_OK)),
                     STATUS_NO_SESSION);
    assert_int_equal(
        session_end(STORE_KEEP_SESSION, ENDS(STATUS_NO_SESSION, STATUS_OK, STATUS_REDIS_DOWN, STATUS_SHED)),
        STATUS_NO_SESSION);
    assert_int_equal(session_end(STORE_KEEP_SESSION, ENDS(STATUS_OK, STATUS_OK, STATUS_REDIS_DOWN, STATUS_NO_SESSION)),
                     STATUS_NO_SESSION);
}

/* ---- traces ---- */

static void test_traces_go_with_their_items(void **state)
{
    (void)state;
    struct sample *sample = sample_of(STORE_INCREMENT, 100);
    struct item_trace traces[3] = {
        {.next = &traces[1], .place = ITEM_TRACE_WHOLE, .state = TEXT("whole")},
        {.next = &traces[2], .place = 0, .count = 1, .state = TEXT("first")},
        {.next = NULL, .place = 10, .count = 50, .state = TEXT("many")},
    };
    sample->call.traces = traces;
    struct store_split *split = split_of(sample, 4);
    size_t wholes = 0;
    size_t firsts = 0;
    size_t of_many = 0;
    for (size_t i = 0; i < store_split_count(split); i++) {
        const struct store_call *part = store_split_part(split, i);
        bool is_of_many[100] = {false};
        for (const struct item_trace *trace = part->traces; trace != NULL; trace = trace->next) {
            if (trace->place == ITEM_TRACE_WHOLE) {
                assert_true(text_equal(trace->state, TEXT("whole")));
                wholes++;
                continue;
            }
            assert_true(trace->count > 0 && trace->place + trace->count <= part->item_count);
            if (text_equal(trace->state, TEXT("first"))) {
                assert_int_equal(trace->count, 1);
                assert_int_equal(part->items[trace->place].delta, 1);
                firsts++;
                continue;
            }
            of_many += trace->count;
            for (size_t n = 0; n < trace->count; n++) {
                is_of_many[trace->place + n] = true;
            }
        }
        for (size_t n = 0; n < part->item_count; n++) {
            const int64_t place = part->items[n].delta - 1;
            assert_int_equal(is_of_many[n], place >= 10 && place < 60);
        }
    }
    assert_int_equal(wholes, store_split_count(split));
    assert_int_equal(firsts, 1);
    assert_int_equal(of_many, 50);
    store_split_drop(split);
}

static void test_every_item_may_have_a_trace_of_its_own(void **state)
{
    (void)state;
    static struct item_trace traces[BATCH_ITEMS_MAX];
    struct sample *sample = sample_of(STORE_INCREMENT, BATCH_ITEMS_MAX);
    for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
        traces[i] =
            (struct item_trace){.next = i + 1 < BATCH_ITEMS_MAX ? &traces[i + 1] : NULL, .place = i, .count = 1};
        traces[i].step.start_us = (int64_t)i + 1;
    }
    sample->call.traces = traces;
    struct store_split *split = split_of(sample, 64);
    size_t count = 0;
    for (size_t i = 0; i < store_split_count(split); i++) {
        const struct store_call *part = store_split_part(split, i);
        for (const struct item_trace *trace = part->traces; trace != NULL; trace = trace->next) {
            assert_int_equal(trace->count, 1);
            assert_int_equal(part->items[trace->place].delta, trace->step.start_us);
            count++;
        }
    }
    assert_int_equal(count, BATCH_ITEMS_MAX);
    store_split_drop(split);
}

/* ---- threads ---- */

struct finisher {
    pthread_t thread;
    struct store_split *split;
    size_t first;
    size_t count;
};

static void *finish_some(void *arg)
{
    const struct finisher *finisher = arg;
    /* The split may be gone after the last of its parts: so they are looked up before. */
    struct store_call *parts[REDIS_PARTITIONS_MAX];
    size_t found = 0;
    for (size_t i = finisher->first; i < finisher->count; i += THREADS) {
        parts[found++] = store_split_part(finisher->split, i);
    }
    while (found > 0) {
        answer(parts[--found]);
    }
    return NULL;
}

static void test_parts_may_end_on_several_threads(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct finisher finishers[THREADS];
        struct sample *sample = sample_of(STORE_INCREMENT, BATCH_ITEMS_MAX);
        struct store_split *split = split_of(sample, REDIS_PARTITIONS_MAX);
        const size_t count = store_split_count(split);
        for (size_t i = 0; i < THREADS; i++) {
            finishers[i] = (struct finisher){.split = split, .first = i, .count = count};
            assert_int_equal(pthread_create(&finishers[i].thread, NULL, finish_some, &finishers[i]), 0);
        }
        store_split_release(split);
        for (size_t i = 0; i < THREADS; i++) {
            pthread_join(finishers[i].thread, NULL);
        }
        assert_int_equal(sample->done, 1);
        for (size_t i = 0; i < BATCH_ITEMS_MAX; i++) {
            assert_int_equal(sample->items[i].value, 10 * (i + 1));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_in_one_partition_is_whole),
        cmocka_unit_test(test_items_come_back_in_their_order),
        cmocka_unit_test(test_a_call_ends_with_its_last_part),
        cmocka_unit_test(test_parts_that_end_alike_are_the_calls_end),
        cmocka_unit_test(test_parts_that_end_differently_are_told_by_their_items),
        cmocka_unit_test(test_a_session_is_one_in_every_partition),
        cmocka_unit_test(test_a_session_that_one_partition_has_lost_is_lost),
        cmocka_unit_test(test_traces_go_with_their_items),
        cmocka_unit_test(test_every_item_may_have_a_trace_of_its_own),
        cmocka_unit_test(test_parts_may_end_on_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
