#include "counter-service/verify/verify_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 10 };

/* What was said of a command line, its words parted by blanks; freed by the caller. */
static int parse(const char *line, struct verify_options *ret_options, char **ret_out, char **ret_err)
{
    char words[256];
    char *argv[WORDS_MAX + 2] = {"counter-verify"};
    int argc = 1;
    size_t len;
    FILE *out = open_memstream(ret_out, &len);
    FILE *err = open_memstream(ret_err, &len);
    assert_true(out != NULL && err != NULL && strlen(line) < sizeof(words));
    snprintf(words, sizeof(words), "%s", line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_true(argc <= WORDS_MAX);
        argv[argc++] = word;
    }
    const int code = verify_options_parse(argc, argv, out, err, ret_options);
    fclose(out);
    fclose(err);
    return code;
}

static void check(const char *line, int code, const char *out_start, const char *err)
{
    struct verify_options options;
    char *told = NULL, *complaint = NULL;
    assert_int_equal(parse(line, &options, &told, &complaint), code);
    assert_int_equal(strncmp(told, out_start, strlen(out_start)), 0);
    assert_string_equal(complaint, err);
    free(told);
    free(complaint);
}

static void test_without_options_everything_has_its_default(void **state)
{
    (void)state;
    struct verify_options options;
    char *out = NULL, *err = NULL;
    assert_int_equal(parse("", &options, &out, &err), VERIFY_RUN);
    assert_true(options.config_path == NULL && options.snapshot == NULL && options.write_snapshot == NULL);
    assert_true(options.shard.index == 0 && options.shard.count == 1);
    assert_int_equal(options.timeout_ms, 60000);
    assert_false(options.shows_all);
    free(out);
    free(err);
}

static void test_every_option_is_taken(void **state)
{
    (void)state;
    static char line[] = "--timeout 250ms --shard 2/3 --all";
    struct verify_options options;
    char *out = NULL, *err = NULL;
    assert_int_equal(parse(line, &options, &out, &err), VERIFY_RUN);
    assert_int_equal(options.timeout_ms, 250);
    assert_true(options.shard.index == 2 && options.shard.count == 3 && options.shows_all);
    free(out);
    free(err);
}

static void test_a_task_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum verify_task task;
    } rows[] = {{"--all", VERIFY_COUNTERS},
                {"--rankings", VERIFY_RANKINGS},
                {"--rebuild-rankings --timeout 1s", VERIFY_REBUILD_RANKINGS},
                {"--repartition 8 --to a:1,b:2 --drop-events", VERIFY_REPARTITION}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verify_options options;
        char *out = NULL, *err = NULL;
        assert_int_equal(parse(rows[i].line, &options, &out, &err), VERIFY_RUN);
        assert_int_equal(options.task, rows[i].task);
        free(out);
        free(err);
    }
}

static void test_help_and_version_are_answered(void **state)
{
    (void)state;
    check("--help", VERIFY_EQUAL, "Usage: tally-counter-verify ", "");
    check("--version", VERIFY_EQUAL, "counter-verify ", "");
}

static void test_a_bad_command_line_is_refused_with_a_sentence(void **state)
{
    (void)state;
#define REFUSES(line, sentence) check(line, VERIFY_FAILED, "", "counter-verify: " sentence " (see --help)\n")
    REFUSES("--shard 3/3", "--shard 3/3: I/N is wanted, I from 0 and less than N");
    REFUSES("--shard 1", "--shard 1: I/N is wanted, I from 0 and less than N");
    REFUSES("--shard -1/2", "--shard -1/2: I/N is wanted, I from 0 and less than N");
    REFUSES("--timeout 0s", "--timeout 0s: a time from 1ms to 24h is wanted, like 60s");
    REFUSES("--timeout 25h", "--timeout 25h: a time from 1ms to 24h is wanted, like 60s");
    REFUSES("--config=", "--config '': the name of a file is wanted");
    REFUSES("--snapshot=", "--snapshot '': the name of a file is wanted");
    REFUSES("--write-snapshot=", "--write-snapshot '': the name of a file is wanted");
    REFUSES("--timeout 5", "--timeout 5: a time from 1ms to 24h is wanted, like 60s");
    REFUSES("--snapshot", "--snapshot needs a value");
    REFUSES("--rankings --snapshot x", "a snapshot has no rankings");
    REFUSES("--rankings --rebuild-rankings", "--rankings, --rebuild-rankings and --repartition are tasks of their own");
    REFUSES("--repartition 8 --rankings", "--rankings, --rebuild-rankings and --repartition are tasks of their own");
    REFUSES("--repartition 0", "--repartition 0: a number from 1 to 1024 is wanted");
    REFUSES("--repartition 1025", "--repartition 1025: a number from 1 to 1024 is wanted");
    REFUSES("--repartition x", "--repartition x: a number from 1 to 1024 is wanted");
    REFUSES("--to a:1", "--to and --drop-events are for --repartition");
    REFUSES("--rankings --drop-events", "--to and --drop-events are for --repartition");
    REFUSES("--nothing", "--nothing: no such option");
    REFUSES("-q", "-q: no such option");
    REFUSES("now", "now: no arguments are expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_options_everything_has_its_default),
        cmocka_unit_test(test_every_option_is_taken),
        cmocka_unit_test(test_a_task_is_chosen),
        cmocka_unit_test(test_help_and_version_are_answered),
        cmocka_unit_test(test_a_bad_command_line_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
