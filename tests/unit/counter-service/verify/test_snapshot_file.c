#include "counter-service/verify/snapshot_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static void write_nothing(const char *to, int expected, struct error *error)
{
    struct counter_table table;
    counter_table_init(&table);
    assert_int_equal(snapshot_file_write(to, &subject, &table, NULL, 0, error), expected);
    counter_table_done(&table);
}

static void test_what_is_no_file_is_not_replaced(void **state)
{
    (void)state;
    struct error error = {.message = ""};
    struct stat found;
    char pipe[128];
    snprintf(pipe, sizeof(pipe), "%s/pipe", directory);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    write_nothing(pipe, -1, &error);
    assert_non_null(strstr(error.message, "/pipe: it is no regular file"));
    assert_int_equal(snapshot_file_try(pipe, &error), -1);
    assert_int_equal(lstat(pipe, &found), 0);
    assert_true(S_ISFIFO(found.st_mode));
    unlink(pipe);
    assert_int_equal(snapshot_file_try("/dev/null", &error), -1);
    assert_int_equal(snapshot_file_try(directory, &error), -1);
    assert_non_null(strstr(error.message, ": it is a directory"));
}

static void test_a_link_is_followed(void **state)
{
    (void)state;
    struct error error = {.message = ""};
    struct stat found;
    char link[128];
    snprintf(link, sizeof(link), "%s/link", directory);
    write_text("before\n");
    assert_int_equal(symlink(path, link), 0);
    write_nothing(link, 0, &error);
    assert_int_equal(lstat(link, &found), 0);
    assert_true(S_ISLNK(found.st_mode));
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_size, strlen(HEADER "end\t0\n"));
    unlink(path);
    assert_int_equal(snapshot_file_try(link, &error), -1);
    assert_non_null(strstr(error.message, "/link: No such file or directory"));
    unlink(link);
}

static void test_a_trial_leaves_nothing(void **state)
{
    (void)state;
    struct error error = {.message = ""};
    char temporary[128];
    unlink(path);
    snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    assert_int_equal(snapshot_file_try(path, &error), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(temporary, F_OK), -1);
    assert_int_equal(snapshot_file_try("/nowhere/at all", &error), -1);
    assert_non_null(strstr(error.message, "/nowhere/at all.tmp: No such file or directory"));
}

static void test_a_counter_that_comes_twice_is_refused(void **state)
{
    (void)state;
    check_refused(&subject, HEADER "counter\t1\t1-1\tlike\ta\ncounter\t1\t1-1\tlike\ta\nend\t2\n",
                  "snapshot:3: the counter is there twice");
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
    assert_int_equal(snapshot_file_read(directory, &subject, &table, offsets, 1, &error), -1);
    assert_non_null(strstr(error.message, ": it is a directory, and no snapshot"));
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
        cmocka_unit_test(test_what_is_no_file_is_not_replaced),
        cmocka_unit_test(test_a_link_is_followed),
        cmocka_unit_test(test_a_trial_leaves_nothing),
        cmocka_unit_test(test_a_counter_that_comes_twice_is_refused),
        cmocka_unit_test(test_a_file_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
