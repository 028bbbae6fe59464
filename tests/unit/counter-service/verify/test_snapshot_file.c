#include "counter-service/verify/snapshot_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define STORE "9f86d081884c7d659a2feaa0c55ad015"
#define HEADER "tally-snapshot\t1\t" STORE "\tcounter_events\t0\t1\n"

static const struct snapshot_subject subject = {STORE, "counter_events", {0, 1}};

static char directory[] = "/tmp/tally-snapshot-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/snapshot", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void check_refused(const struct snapshot_subject *of, const char *text, const char *reason)
{
    struct counter_table table;
    int64_t offsets[2];
    struct error error = {.message = ""};
    write_text(text);
    counter_table_init(&table);
    assert_int_equal(snapshot_file_read(path, of, &table, offsets, 2, &error), -1);
    if (strstr(error.message, reason) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", reason, error.message);
    }
    counter_table_done(&table);
}

static void put(struct counter_table *table, const char *resource_id, int64_t value, enum counter_in_redis in_redis)
{
    struct counter *counter = counter_table_take(table, text_of(resource_id), TEXT("like"));
    assert_non_null(counter);
    counter->redis_value = value;
    counter->cut = (struct stream_id){UINT64_MAX, 17};
    counter->in_redis = (uint8_t)in_redis;
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct counter_table table;
    int64_t offsets[] = {INT64_MAX, 0};
    int64_t found[3] = {-1, -1, -1};
    struct error error = {.message = ""};
    counter_table_init(&table);
    put(&table, "a b:\xC3\xA9", INT64_MIN, REDIS_HAS_COUNTER);
    put(&table, "lacking", 1, REDIS_LACKS_COUNTER);
    put(&table, "damaged", 1, REDIS_HAS_NO_NUMBER);
    assert_int_equal(snapshot_file_write(path, &subject, &table, offsets, 2, &error), 0);
    counter_table_done(&table);

    counter_table_init(&table);
    assert_int_equal(snapshot_file_read(path, &subject, &table, found, 3, &error), 0);
    assert_true(found[0] == INT64_MAX && found[1] == 0 && found[2] == 0);
    assert_int_equal(table.count, 1);
    const struct counter *counter = counter_table_find(&table, TEXT("a b:\xC3\xA9"), TEXT("like"));
    assert_non_null(counter);
    assert_true(counter->sum == INT64_MIN && counter->value == INT64_MIN);
    assert_true(counter->last_entry.ms == UINT64_MAX && counter->last_entry.seq == 17);
    assert_int_equal(counter->last_place, COUNTER_WHOLE_ENTRY);
    assert_int_equal(counter->in_redis, REDIS_LACKS_COUNTER);
    counter_table_done(&table);
}

static void test_a_snapshot_of_something_else_is_refused(void **state)
{
    (void)state;
    static const struct snapshot_subject others[] = {
        {"00000000000000000000000000000000", "counter_events", {0, 1}},
        {STORE, "other_events", {0, 1}},
        {STORE, "counter_events", {0, 2}},
    };
    static const char *const reasons[] = {"of another store", "of another topic", "of another --shard"};
    for (size_t i = 0; i < 3; i++) {
        check_refused(&others[i], HEADER "end\t0\n", reasons[i]);
    }
    check_refused(&subject, "store: 17\n", "this is no snapshot");
    check_refused(&subject, "tally-snapshot\t2\t" STORE "\n", "of a version");
}

static void test_a_damaged_snapshot_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "counter\t1\t1-1\tlike\n",
        "counter\t1\t1\tlike\ta\n",
        "counter\t1.5\t1-1\tlike\ta\n",
        "counter\t1\t1-1\tLIKE\ta\n",
        "partition\t1\t17\n",
        "partition\t0\t-1\n",
        "partition\t0\t1\tand more\n",
        "something\n",
        "\n",
        "end\t1\n",
    };
    char text[512];
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        snprintf(text, sizeof(text), HEADER "%send\t0\n", lines[i]);
        check_refused(&subject, text, "snapshot:2: the line is damaged");
    }
    check_refused(&subject, "", "the end of the snapshot is missing");
    check_refused(&subject, HEADER "counter\t1\t1-1\tlike\ta\n", "the end of the snapshot is missing");
    check_refused(&subject, HEADER "end\t0\nend\t0\n", "something behind the end");
    check_refused(&subject, HEADER "partition\t0\t1\npartition\t1\t1\npartition\t2\t1\nend\t0\n", "fewer partitions");
}

static void test_a_file_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct counter_table table;
    int64_t offsets[1] = {0};
    struct error error = {.message = ""};
    counter_table_init(&table);
    assert_int_equal(snapshot_file_read("/nowhere/at all", &subject, &table, offsets, 1, &error), -1);
    assert_string_equal(error.message, "/nowhere/at all: No such file or directory");
    assert_int_equal(snapshot_file_write("/nowhere/at all", &subject, &table, offsets, 1, &error), -1);
    assert_non_null(strstr(error.message, "/nowhere/at all.tmp: No such file or directory"));
    counter_table_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_a_snapshot_of_something_else_is_refused),
        cmocka_unit_test(test_a_damaged_snapshot_is_refused),
        cmocka_unit_test(test_a_file_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
