/* Rankings that lie in several partitions of a real Redis, asked of all of them side by side. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/compiler.h"
#include "common/base/prng.h"
#include "counter-service/api/ranking_gather.h"
#include "tests/fakes/fake_ranking.h"

enum { PARTITIONS = 4, KEEP = FAKE_RANKING_KEEP, RESOURCES = 1500, NAME_SIZE = 16 };

static char like[] = "like";
static struct ranking_config ranking = {
    .counter_type = like, .calendar = {[RANKING_DAY] = true, [RANKING_ALL] = true}, .keep = KEEP};
static const struct config config = {.rankings = &ranking, .ranking_count = 1};

static int set_up(void **state)
{
    *state = NULL;
    if (redis_process_available()) {
        struct store_fixture *fixture = store_fixture_create(redis_process_start(NULL));
        *state = fixture;
        fixture->config.redis.partitions = PARTITIONS;
        fixture->config.redis.workers = 4;
        store_fixture_open(fixture);
        store_fixture_await(fixture, true);
    }
    return 0;
}

/* ---- asking ---- */

struct asking {
    struct ranking_gather gather;
    sem_t done;
};

static void on_done(struct ranking_gather *gather)
{
    sem_post(&CONTAINER_OF(gather, struct asking, gather)->done);
}

/* The answer's entries are valid until the next question. */
static struct fake_ranking_asked ask(struct store_fixture *fixture, const struct ranking_question *question)
{
    static struct arena arena;
    static struct asking asking;
    struct fake_ranking_asked asked = {.status = STATUS_OK};
    ranking_gather_done(&asking.gather);
    arena_done(&arena);
    arena_init(&arena);
    asking.gather = (struct ranking_gather){
        .question = question,
        .wanted = {.order = true, .total = ranking_question_is_of_one(question)},
        .deadline_us = INT64_MAX,
        .done = on_done,
    };
    sem_init(&asking.done, 0, 0);
    ranking_gather_start(&asking.gather, fixture->store, &arena);
    sem_wait(&asking.done);
    sem_destroy(&asking.done);
    asked.status = asking.gather.status;
    asked.detail = asking.gather.detail;
    if (asked.status == STATUS_OK) {
        asked.status = ranking_answer_make(question, asking.gather.snapshot, ranking_gather_total(&asking.gather),
                                           &asked.answer, &asked.error);
        asked.detail = "the answer could not be made";
    }
    return asked;
}

static struct ranking_question question_of(const char *period)
{
    struct ranking_question question;
    struct error error;
    assert_int_equal(ranking_question_begin(&question, &config, TEXT("like"), TEXT("day"), text_of(period), &error),
                     STATUS_OK);
    return question;
}

static struct fake_ranking_asked ask_best(struct store_fixture *fixture, const char *period, uint32_t limit,
                                          uint32_t offset)
{
    struct ranking_question question = question_of(period);
    struct error error;
    assert_int_equal(ranking_question_of_best(&question, limit, offset, &error), STATUS_OK);
    return ask(fixture, &question);
}

static struct fake_ranking_asked ask_one(struct store_fixture *fixture, const char *resource_id, uint32_t neighbours)
{
    struct ranking_question question = question_of("");
    struct error error;
    assert_int_equal(ranking_question_of_one(&question, text_of(resource_id), neighbours, &error), STATUS_OK);
    return ask(fixture, &question);
}

/* ---- what the aggregator writes, of as many resources as there are ---- */

struct resource {
    char name[NAME_SIZE];
    int64_t score;
};

static int by_place(const void *left, const void *right)
{
    const struct resource *a = left;
    const struct resource *b = right;
    return ranking_place_compare(a->score, text_of(a->name), b->score, text_of(b->name));
}

/* The best of the partition's; the others are behind its floor. */
static void write_top(struct store_fixture *fixture, int partition, const struct resource *resources, size_t count)
{
    static struct fake_ranking_member members[KEEP + 1];
    struct ranking_top top = fake_ranking_whole;
    size_t member_count = 0;
    for (size_t i = 0; i < count && !top.is_bounded; i++) {
        if (redis_partition_of(text_of(resources[i].name), PARTITIONS) != partition) {
            continue;
        }
        top.is_bounded = member_count == KEEP;
        if (top.is_bounded) {
            ranking_place_set(&top.floor, resources[i].score, text_of(resources[i].name));
        } else {
            members[member_count++] = (struct fake_ranking_member){resources[i].name, resources[i].score};
        }
    }
    fake_ranking_use_partition(partition);
    fake_ranking_set_marks(fixture, "5-0 7", "7");
    fake_ranking_set_board(fixture, "day", (struct ranking_board){.period = FAKE_RANKING_TODAY});
    fake_ranking_set_members(fixture, "day", 0, top, members, member_count);
}

/* Sorts them. */
static void write_all(struct store_fixture *fixture, struct resource *resources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fake_ranking_use_partition(redis_partition_of(text_of(resources[i].name), PARTITIONS));
        fake_ranking_set_record(fixture, resources[i].name, resources[i].score, 0);
    }
    qsort(resources, count, sizeof(resources[0]), by_place);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        write_top(fixture, partition, resources, count);
    }
    fake_ranking_use_partition(0);
}

static void make_some(struct resource *resources, size_t count, uint32_t score_max)
{
    struct prng prng = {.state = 4711};
    for (size_t i = 0; i < count; i++) {
        snprintf(resources[i].name, NAME_SIZE, "r%zu", i);
        resources[i].score = 1 + (int64_t)prng_up_to(&prng, score_max);
    }
}

/* ---- tests ---- */

static void test_the_best_of_all_partitions_are_those_of_a_model(void **state)
{
    NEED_REDIS(state);
    static struct resource resources[RESOURCES];
    make_some(resources, RESOURCES, 500); /* with many that are equal */
    write_all(fixture, resources, RESOURCES);
    for (uint32_t offset = 0; offset < KEEP; offset += 33) {
        const uint32_t limit = KEEP - offset;
        const struct fake_ranking_asked asked = ask_best(fixture, "", limit, offset);
        assert_int_equal(asked.status, STATUS_OK);
        assert_true(asked.answer.is_complete && asked.answer.since_ms == 0);
        assert_int_equal(asked.answer.entry_count, limit);
        if (asked.answer.entries == NULL) {
            fail();
            return;
        }
        for (size_t i = 0; i < limit; i++) {
            assert_true(text_equal(asked.answer.entries[i].resource_id, text_of(resources[offset + i].name)));
            assert_true(asked.answer.entries[i].score == resources[offset + i].score);
        }
    }
}

static void test_a_resource_has_its_rank_among_all_or_its_score(void **state)
{
    NEED_REDIS(state);
    static struct resource resources[RESOURCES];
    make_some(resources, RESOURCES, 500);
    write_all(fixture, resources, RESOURCES);
    for (size_t i = 0; i < RESOURCES; i += i < 2 * KEEP ? 1 : 50) {
        const struct fake_ranking_asked asked = ask_one(fixture, resources[i].name, 2);
        assert_int_equal(asked.status, STATUS_OK);
        assert_true(asked.answer.score == resources[i].score);
        assert_true(asked.answer.is_complete || asked.answer.rank + 2 > KEEP); /* with its neighbours */
        assert_true(asked.answer.rank == (int64_t)i + 1 || (asked.answer.rank == 0 && i >= KEEP));
        assert_true(asked.answer.rank == 0 || i >= KEEP || asked.answer.entry_count == (i < 2 ? 3 + i : 5));
    }
    assert_true(ask_one(fixture, "nobody", 2).answer.score == 0);
}

static void test_a_few_resources_are_all_in_the_order(void **state)
{
    NEED_REDIS(state);
    static struct resource resources[10];
    make_some(resources, 10, 3);
    write_all(fixture, resources, 10);
    const struct fake_ranking_asked asked = ask_best(fixture, "", 1000, 0);
    assert_int_equal(asked.answer.entry_count, 10);
    assert_true(asked.answer.is_complete);
    assert_true(ask_one(fixture, resources[9].name, 0).answer.rank == 10);
}

static void test_what_may_be_said_is_true_of_every_partition(void **state)
{
    NEED_REDIS(state);
    static struct resource resources[10];
    make_some(resources, 10, 3);
    write_all(fixture, resources, 10);
    const int64_t now_ms = ask_best(fixture, "", 10, 0).answer.as_of_ms;
    assert_true(now_ms > 1600000000000);
    fake_ranking_use_partition(2);
    fake_ranking_set_marks(fixture, "5-0 7", "8"); /* an event waits; the last one counted was at 1000 */
    assert_true(ask_best(fixture, "", 10, 0).answer.as_of_ms == 1000);
    fake_ranking_set_marks(fixture, "5-0 7", "7");
    fake_ranking_use_partition(3);
    struct ranking_top top = fake_ranking_whole;
    top.since_ms = FAKE_RANKING_TODAY * INT64_C(86400000) + 5;
    MEMBERS(fixture, "day", 0, top, {"x", 1});
    const struct fake_ranking_asked asked = ask_best(fixture, "", 10, 0);
    assert_true(asked.answer.since_ms == FAKE_RANKING_TODAY * INT64_C(86400000) + 5);
    assert_false(asked.answer.is_complete);
    fake_ranking_use_partition(0);
}

static void test_without_one_of_the_partitions_there_are_no_places(void **state)
{
    NEED_REDIS(state);
    static struct resource resources[10];
    make_some(resources, 10, 3);
    write_all(fixture, resources, 10);
    REDIS_ASK(fixture->redis, "DEL", "tally:{p1}:rankings");
    const struct fake_ranking_asked asked = ask_best(fixture, "", 10, 0);
    assert_int_equal(asked.status, STATUS_OK);
    assert_int_equal(asked.answer.entry_count, 0);
    assert_false(asked.answer.is_complete);
}

static void test_a_damaged_partition_fails_the_question(void **state)
{
    NEED_REDIS(state);
    static struct resource resources[10];
    make_some(resources, 10, 3);
    write_all(fixture, resources, 10);
    REDIS_ASK(fixture->redis, "SET", "tally:{p3}:rankings", "damaged");
    fake_ranking_assert_damaged(ask_best(fixture, "", 10, 0));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_best_of_all_partitions_are_those_of_a_model),
        TEST(test_a_resource_has_its_rank_among_all_or_its_score),
        TEST(test_a_few_resources_are_all_in_the_order),
        TEST(test_what_may_be_said_is_true_of_every_partition),
        TEST(test_without_one_of_the_partitions_there_are_no_places),
        TEST(test_a_damaged_partition_fails_the_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
