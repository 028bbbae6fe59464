/* What repartition reads and writes as text: keys, the mark, the totals of counters, addresses. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/repartition/repartition_addrs.h"
#include "counter-service/repartition/repartition_key.h"
#include "counter-service/repartition/repartition_mark.h"
#include "counter-service/repartition/repartition_seen.h"
#include "counter-service/repartition/repartition_totals.h"

#define STORE "9f86d081884c7d659a2feaa0c55ad015"

/* ---- keys ---- */

static void check_key(const char *text, enum repartition_key_kind kind, int partition, const char *resource_id)
{
    struct repartition_key key;
    assert_true(repartition_key_read(text_of(text), &key));
    assert_int_equal(key.kind, kind);
    assert_int_equal(key.partition, partition);
    assert_true(text_equal(key.resource_id, text_of(resource_id)));
    assert_true(text_ends_with(text_of(text), key.rest));
}

static void test_a_key_tells_its_kind_its_partition_and_its_resource(void **state)
{
    (void)state;
    check_key("tally:{p0}:c:a", REPARTITION_COUNTERS, 0, "a");
    check_key("tally:{p1023}:c:a:b}c", REPARTITION_COUNTERS, 1023, "a:b}c");
    check_key("tally:{p7}:i:3:a:b:like:key:1", REPARTITION_RECORD, 7, "a:b");
    check_key("tally:{p7}:i:4:a:b:like", REPARTITION_OTHER, 7, ""); /* the length leads into the resource's end */
    check_key("tally:{p7}:i:99:a:like:k", REPARTITION_OTHER, 7, "");
    check_key("tally:{p7}:i:x", REPARTITION_OTHER, 7, "");
    check_key("tally:{p7}:s:0123456789abcdef", REPARTITION_SESSION, 7, "");
    check_key("tally:{p7}:r:like:day:0", REPARTITION_RANKING, 7, "");
    check_key("tally:{p7}:rankings", REPARTITION_RANKING, 7, "");
    check_key("tally:{p7}:uncounted", REPARTITION_RANKING, 7, "");
    check_key("tally:{p7}:events", REPARTITION_OTHER, 7, "");
    check_key("tally:{p7}:store", REPARTITION_OTHER, 7, "");
}

static void test_other_keys_are_left_alone(void **state)
{
    static const char *const texts[] = {"",           "tally:meta",    "tally:{p1024}:c:a", "tally:{p00}:c:a",
                                        "tally:{p}:", "tally:{p1}c:a", "tally:{p-1}:c:a",   "x:tally:{p1}:c:a"};
    struct repartition_key key;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(repartition_key_read(text_of(texts[i]), &key));
    }
}

/* ---- the mark ---- */

static void test_a_mark_is_read_as_it_was_written(void **state)
{
    char text[REPARTITION_MARK_SIZE], again[REPARTITION_MARK_SIZE];
    (void)state;
    for (int phase = REPARTITION_CHECK; phase <= REPARTITION_MOVED; phase++) {
        const struct repartition_mark mark = {.to = 1024,
                                              .from = 1024,
                                              .store_id = STORE,
                                              .is_copy = phase == REPARTITION_MOVED,
                                              .phase = (enum repartition_phase)phase,
                                              .totals = {UINT64_MAX, UINT64_MAX, UINT64_MAX}};
        struct repartition_mark found;
        repartition_mark_put(&mark, text);
        assert_true(repartition_mark_read(text_of(text), &found));
        repartition_mark_put(&found, again);
        assert_string_equal(text, again);
        assert_int_equal(found.phase, phase);
        assert_int_equal(found.is_copy, mark.is_copy);
        assert_true(repartition_totals_equal(&found.totals, &mark.totals));
    }
}

static void test_what_is_no_mark_is_not_read(void **state)
{
    static const char *const texts[] = {
        "",
        "layout=1 partitions=8",
        "layout=1 repartition=8 from=1 store=" STORE,
        "layout=1 repartition=0 from=1 store=" STORE
        " how=place phase=check resources=0 counters=0 check=0000000000000000",
        "layout=1 repartition=8 from=1 store=" STORE " how=place phase=check resources=0 counters=0 check=0",
        "layout=1 repartition=8 from=1 store=x how=place phase=check resources=0 counters=0 check=0000000000000000",
        "layout=1 repartition=8 from=1 store=" STORE
        " how=other phase=check resources=0 counters=0 check=0000000000000000",
    };
    struct repartition_mark mark;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(repartition_mark_read(text_of(texts[i]), &mark));
    }
}

/* A service must know the text of any mark for what it is. */
static void test_services_refuse_each_mark_with_a_reason(void **state)
{
    char text[REPARTITION_MARK_SIZE], id[STORE_ID_SIZE];
    struct repartition_mark mark = {.to = 8, .from = 1, .store_id = STORE};
    struct error error;
    int partitions;
    (void)state;
    repartition_mark_put(&mark, text);
    const struct redis_meta meta = redis_meta_of(1);
    assert_int_equal(redis_check_meta(text_of(text), &meta, &error), -1);
    assert_string_equal(error.message, "Redis's data are being repartitioned, from 1 to 8 (key tally:meta): nobody "
                                       "counts until counter-verify --repartition 8 is done");
    assert_int_equal(redis_meta_read(text_of(text), 0, &partitions, &error), -1);
    assert_non_null(strstr(error.message, "being repartitioned"));
    assert_int_equal(redis_store_id_read(text_of(text), id, &error), -1);
    assert_non_null(strstr(error.message, "being repartitioned"));
    assert_false(redis_store_mark_is(text_of(text), STORE, 0));
    mark.phase = REPARTITION_MOVED;
    repartition_mark_put(&mark, text);
    assert_int_equal(redis_check_meta(text_of(text), &meta, &error), -1);
    assert_non_null(strstr(error.message, "were moved to another Redis"));
}

static void test_the_mark_of_a_partition_is_of_a_store_and_of_a_number(void **state)
{
    char mark[REDIS_STORE_MARK_SIZE];
    (void)state;
    redis_store_mark_put(mark, STORE, 1024);
    assert_string_equal(mark, STORE "/1024");
    assert_true(redis_store_mark_is(text_of(mark), STORE, 1024));
    assert_true(redis_store_mark_is(text_of(mark), STORE, 0));
    assert_false(redis_store_mark_is(text_of(mark), STORE, 102));
    assert_false(redis_store_mark_is(text_of(mark), "00000000000000000000000000000000", 1024));
    assert_true(redis_store_mark_is(TEXT(STORE), STORE, 4));
    assert_false(redis_store_mark_is(TEXT(STORE "x"), STORE, 0));
    assert_false(redis_store_mark_is(TEXT(""), STORE, 0));
}

/* ---- totals ---- */

static void test_totals_know_names_and_values_but_no_order(void **state)
{
    struct repartition_totals one = {.counters = 0}, other = {.counters = 0}, swapped = {.counters = 0},
                              shifted = {.counters = 0};
    (void)state;
    repartition_totals_add(&one, TEXT("a"), TEXT("like"), TEXT("1"));
    repartition_totals_add(&one, TEXT("b"), TEXT("like"), TEXT("2"));
    repartition_totals_add(&other, TEXT("b"), TEXT("like"), TEXT("2"));
    repartition_totals_add(&other, TEXT("a"), TEXT("like"), TEXT("1"));
    assert_true(repartition_totals_equal(&one, &other));
    repartition_totals_add(&swapped, TEXT("a"), TEXT("like"), TEXT("2"));
    repartition_totals_add(&swapped, TEXT("b"), TEXT("like"), TEXT("1"));
    assert_false(repartition_totals_equal(&one, &swapped));
    repartition_totals_add(&shifted, TEXT("al"), TEXT("ike"), TEXT("1"));
    repartition_totals_add(&shifted, TEXT("b"), TEXT("like"), TEXT("2"));
    assert_false(repartition_totals_equal(&one, &shifted));
}

static void test_a_text_is_new_once(void **state)
{
    enum { MANY = 5000 };
    struct repartition_seen seen = {.count = 0};
    (void)state;
    for (int times = 0; times < 2; times++) {
        for (int i = 0; i < MANY; i++) {
            char text[16];
            snprintf(text, sizeof(text), "%d", i);
            assert_int_equal(repartition_seen_add(&seen, text_of(text)), times == 0);
        }
    }
    assert_int_equal(seen.count, MANY);
    repartition_seen_done(&seen);
}

/* ---- addresses ---- */

static void test_addresses_are_parted_by_commas(void **state)
{
    struct repartition_addrs addrs;
    struct error error;
    (void)state;
    assert_int_equal(repartition_addrs_read(&addrs, "a:1,b:2", &error), 0);
    assert_int_equal(addrs.count, 2);
    assert_string_equal(addrs.all[0], "a:1");
    assert_string_equal(addrs.all[1], "b:2");
    repartition_addrs_done(&addrs);
    char many[2 * REPARTITION_ADDRS_MAX + 1];
    memset(many, ',', sizeof(many));
    many[sizeof(many) - 1] = '\0';
    assert_int_equal(repartition_addrs_read(&addrs, many, &error), -1);
    assert_string_equal(error.message, "--to has more than 64 addresses");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_tells_its_kind_its_partition_and_its_resource),
        cmocka_unit_test(test_other_keys_are_left_alone),
        cmocka_unit_test(test_a_mark_is_read_as_it_was_written),
        cmocka_unit_test(test_what_is_no_mark_is_not_read),
        cmocka_unit_test(test_services_refuse_each_mark_with_a_reason),
        cmocka_unit_test(test_the_mark_of_a_partition_is_of_a_store_and_of_a_number),
        cmocka_unit_test(test_totals_know_names_and_values_but_no_order),
        cmocka_unit_test(test_a_text_is_new_once),
        cmocka_unit_test(test_addresses_are_parted_by_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
