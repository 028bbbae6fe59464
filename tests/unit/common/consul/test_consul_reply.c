#include "common/consul/consul_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buffer.h"

#define ENTRY(node, address, port) \
    "{\"Node\":{\"Address\":\"" node "\"},\"Service\":{\"Address\":\"" address "\",\"Port\":" port "}}"

static struct consul_instances parse_fine(const char *body)
{
    struct consul_instances instances;
    struct error error = {.message = ""};
    assert_int_equal(consul_reply_parse(text_of(body), &instances, &error), 0);
    assert_string_equal(error.message, "");
    return instances;
}

static void assert_refused(const char *body)
{
    struct consul_instances instances = {.set.count = 77};
    struct error error = {.message = ""};
    assert_int_equal(consul_reply_parse(text_of(body), &instances, &error), -1);
    assert_string_not_equal(error.message, "");
    assert_int_equal(instances.set.count, 77);
}

static void test_instances_are_sorted_and_unique(void **state)
{
    (void)state;
    const struct consul_instances instances = parse_fine(
        "[" ENTRY("n", "b", "2") "," ENTRY("n", "c", "3") "," ENTRY("n", "b", "2") "," ENTRY("n", "a", "9") "]");
    assert_int_equal(instances.set.count, 3);
    assert_string_equal(instances.set.targets[0], "a:9");
    assert_string_equal(instances.set.targets[1], "b:2");
    assert_string_equal(instances.set.targets[2], "c:3");
    assert_int_equal(instances.skipped, 0);
    assert_int_equal(instances.set.cut, 0);
}

static void test_a_service_without_address_has_that_of_its_node(void **state)
{
    (void)state;
    const struct consul_instances instances = parse_fine("[" ENTRY(
        "10.0.0.1", "", "50051") ",{\"Node\":{\"Address\":\"10.0.0.2\"},\"Service\":{\"Address\":null,\"Port\":1}}]");
    assert_int_equal(instances.set.count, 2);
    assert_string_equal(instances.set.targets[0], "10.0.0.1:50051");
    assert_string_equal(instances.set.targets[1], "10.0.0.2:1");
}

static void test_ipv6_gets_brackets(void **state)
{
    (void)state;
    const struct consul_instances instances = parse_fine("[" ENTRY("n", "::1", "1") "," ENTRY("fe80::1", "", "2") "]");
    assert_int_equal(instances.set.count, 2);
    assert_string_equal(instances.set.targets[0], "[::1]:1");
    assert_string_equal(instances.set.targets[1], "[fe80::1]:2");
}

static void test_an_empty_list_is_an_answer(void **state)
{
    (void)state;
    assert_int_equal(parse_fine("[]").set.count, 0);
    assert_int_equal(parse_fine(" [ ] \n").set.count, 0);
}

static void test_what_is_no_list_is_refused(void **state)
{
    (void)state;
    assert_refused("");
    assert_refused("null");
    assert_refused("{}");
    assert_refused("\"x\"");
    assert_refused("<html>504</html>");
    assert_refused("[" ENTRY("n", "a", "1"));
    assert_refused("[" ENTRY("n", "a", "1") ",");
}

static void test_entries_without_address_or_port_are_skipped(void **state)
{
    (void)state;
    static const char *const bad[] = {
        ENTRY("", "", "1"),     ENTRY("n", "a", "0"),       ENTRY("n", "a", "65536"), ENTRY("n", "a", "-1"),
        ENTRY("n", "a", "1.5"), ENTRY("n", "a", "\"80\""),  ENTRY("n", "a", "null"),  ENTRY("n", "a", "1e300"),
        ENTRY("n", "a b", "1"), ENTRY("n", "unix:/x", "1"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[1024];
        snprintf(json, sizeof(json), "[%s,%s]", bad[i], ENTRY("n", "ok", "65535"));
        const struct consul_instances instances = parse_fine(json);
        assert_int_equal(instances.set.count, 1);
        assert_string_equal(instances.set.targets[0], "ok:65535");
        assert_int_equal(instances.skipped, 1);
    }
}

static void test_wrong_types_are_skipped(void **state)
{
    (void)state;
    const struct consul_instances instances =
        parse_fine("[1,null,true,\"x\",[],[[1]],{},{\"Service\":5},{\"Service\":null},{\"Service\":{\"Port\":1}},"
                   "{\"Service\":{\"Address\":7,\"Port\":1},\"Node\":[]},{\"Node\":{\"Address\":\"a\"}}]");
    assert_int_equal(instances.set.count, 0);
    assert_int_equal(instances.skipped, 12);
}

static void test_too_many_instances_are_cut_the_same_way_in_any_order(void **state)
{
    (void)state;
    enum { ENTRIES = INSTANCES_MAX + 36 };
    for (int backwards = 0; backwards < 2; backwards++) {
        struct buffer body;
        buffer_init(&body);
        for (int i = 0; i < ENTRIES; i++) {
            const int port = 1000 + (backwards ? ENTRIES - 1 - i : i);
            buffer_append_format(&body, "%c{\"Service\":{\"Address\":\"a\",\"Port\":%d}}", i == 0 ? '[' : ',', port);
        }
        buffer_append_format(&body, "]%c", '\0');
        const struct consul_instances instances = parse_fine(body.data);
        assert_int_equal(instances.set.count, INSTANCES_MAX);
        assert_int_equal(instances.set.cut, 36);
        assert_string_equal(instances.set.targets[0], "a:1000");
        assert_string_equal(instances.set.targets[INSTANCES_MAX - 1], "a:1063");
        buffer_done(&body);
    }
}

static void test_the_longest_target_fits(void **state)
{
    (void)state;
    char name[HOST_SIZE + 1];
    char body[2 * HOST_SIZE];
    memset(name, 'a', sizeof(name));
    name[HOST_SIZE - 1] = '\0';
    snprintf(body, sizeof(body), "[{\"Service\":{\"Address\":\"%s\",\"Port\":65535}}]", name);
    const struct consul_instances instances = parse_fine(body);
    assert_int_equal(instances.set.count, 1);
    assert_int_equal(strlen(instances.set.targets[0]), HOST_SIZE - 1 + strlen(":65535"));
    name[HOST_SIZE - 1] = 'a';
    name[HOST_SIZE] = '\0';
    snprintf(body, sizeof(body), "[{\"Service\":{\"Address\":\"%s\",\"Port\":65535}}]", name);
    assert_int_equal(parse_fine(body).skipped, 1);
}

static void test_an_index_that_goes_back_or_is_none_starts_anew(void **state)
{
    (void)state;
    assert_true(consul_reply_next_index(0, "17") == 17);
    assert_true(consul_reply_next_index(17, "17") == 17);
    assert_true(consul_reply_next_index(17, "18") == 18);
    assert_true(consul_reply_next_index(17, "16") == 0);
    assert_true(consul_reply_next_index(17, "") == 0);
    assert_true(consul_reply_next_index(17, "-18") == 0);
    assert_true(consul_reply_next_index(17, "18x") == 0);
    assert_true(consul_reply_next_index(17, " 18") == 0);
    assert_true(consul_reply_next_index(1, "18446744073709551615") == UINT64_MAX);
    assert_true(consul_reply_next_index(1, "18446744073709551616") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instances_are_sorted_and_unique),
        cmocka_unit_test(test_a_service_without_address_has_that_of_its_node),
        cmocka_unit_test(test_ipv6_gets_brackets),
        cmocka_unit_test(test_an_empty_list_is_an_answer),
        cmocka_unit_test(test_what_is_no_list_is_refused),
        cmocka_unit_test(test_entries_without_address_or_port_are_skipped),
        cmocka_unit_test(test_wrong_types_are_skipped),
        cmocka_unit_test(test_too_many_instances_are_cut_the_same_way_in_any_order),
        cmocka_unit_test(test_the_longest_target_fits),
        cmocka_unit_test(test_an_index_that_goes_back_or_is_none_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
