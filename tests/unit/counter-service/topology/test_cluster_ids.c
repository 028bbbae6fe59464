/* The ids of a Redis Cluster's nodes, out of an answer as it comes over a connection. */
#include "counter-service/topology/cluster_ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/answered.h"

#define ID_A "$2\r\naa\r\n"
#define ID_B "$2\r\nbb\r\n"
#define ID_C "$2\r\ncc\r\n"
#define NODE(id) "*4\r\n$8\r\n10.0.0.1\r\n:6379\r\n" id "*0\r\n"
#define BARE "*2\r\n$8\r\n10.0.0.1\r\n:6379\r\n"
#define ONE(node) "*1\r\n*3\r\n:0\r\n:16383\r\n" node

static void test_masters_and_replicas_are_read_once(void **state)
{
    (void)state;
    static struct cluster_ids ids;
    struct answered answered;
    answered_begin(&answered, "*2\r\n*4\r\n:0\r\n:1\r\n" NODE(ID_A) NODE(ID_B) "*3\r\n:2\r\n:3\r\n" NODE(ID_A));
    cluster_ids_read(&answered.reply, &ids);
    assert_int_equal(ids.count, 2);
    assert_string_equal(ids.at[0], "aa");
    assert_string_equal(ids.at[1], "bb");
    answered_end(&answered);
}

static void test_one_id_that_is_known_is_enough(void **state)
{
    (void)state;
    static struct cluster_ids ids = {.count = 2, .at = {"aa", "bb"}};
    static const struct {
        const char *answer;
        bool is_shared;
    } cases[] = {
        {ONE(NODE(ID_B)), true},
        {ONE(NODE(ID_C)), false},
        {"*1\r\n*4\r\n:0\r\n:1\r\n" NODE(ID_C) NODE(ID_A), true},
        {"*2\r\n*3\r\n:0\r\n:1\r\n" NODE(ID_C) "*3\r\n:2\r\n:3\r\n" NODE(ID_B), true},
        {ONE(NODE("$3\r\naab\r\n")), false},
        {ONE(NODE("$1\r\na\r\n")), false},
        {"*0\r\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct answered answered;
        answered_begin(&answered, cases[i].answer);
        assert_int_equal(cluster_ids_are_shared(&ids, &answered.reply), cases[i].is_shared);
        answered_end(&answered);
    }
}

static void test_what_is_no_id_is_left_out(void **state)
{
    (void)state;
    static struct cluster_ids ids;
    static const char *const answers[] = {
        "-ERR This instance has cluster support disabled\r\n",
        "$2\r\naa\r\n",
        "*0\r\n",
        "*1\r\n:1\r\n",
        ONE(":1\r\n"),
        ONE(BARE),
        ONE(NODE("$0\r\n\r\n")),
        ONE(NODE("$-1\r\n")),
        ONE(NODE(":7\r\n")),
        ONE(NODE("$64\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n")),
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct answered answered;
        ids.count = 1;
        answered_begin(&answered, answers[i]);
        cluster_ids_read(&answered.reply, &ids);
        if (ids.count != 0) {
            fail_msg("answer %zu has an id", i);
        }
        answered_end(&answered);
    }
}

static void test_of_too_many_the_first_are_kept(void **state)
{
    (void)state;
    static struct cluster_ids ids;
    static char answer[(CLUSTER_IDS_MAX + 3) * 64];
    struct answered answered;
    size_t len = (size_t)snprintf(answer, sizeof(answer), "*1\r\n*%d\r\n:0\r\n:16383\r\n", CLUSTER_IDS_MAX + 4);
    for (int i = 0; i < CLUSTER_IDS_MAX + 2; i++) {
        len += (size_t)snprintf(answer + len, sizeof(answer) - len, NODE("$8\r\nid-%05d\r\n"), i);
    }
    answered_begin(&answered, answer);
    cluster_ids_read(&answered.reply, &ids);
    assert_int_equal(ids.count, CLUSTER_IDS_MAX);
    assert_string_equal(ids.at[CLUSTER_IDS_MAX - 1], "id-01023");
    answered_end(&answered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masters_and_replicas_are_read_once),
        cmocka_unit_test(test_one_id_that_is_known_is_enough),
        cmocka_unit_test(test_what_is_no_id_is_left_out),
        cmocka_unit_test(test_of_too_many_the_first_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
