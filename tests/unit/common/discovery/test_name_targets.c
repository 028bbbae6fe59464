#include "common/discovery/name_targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/fakes/fake_resolver.h"

static struct target_set targets_of(const char *const *addresses, size_t count)
{
    const struct host_port name = {.host = "counter-service", .port = 50051};
    struct target_set set;
    fake_resolver_answer(addresses, count);
    struct addrinfo *list = fake_resolver_list();
    name_targets_of(&name, list, &set);
    fake_resolver_freeaddrinfo(list);
    return set;
}

#define TARGETS_OF(...) \
    targets_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_each_address_is_an_instance(void **state)
{
    (void)state;
    const struct target_set set = TARGETS_OF("10.0.0.2", "10.0.0.1", "10.0.0.2");
    assert_int_equal(set.count, 2);
    assert_string_equal(set.targets[0], "10.0.0.1:50051");
    assert_string_equal(set.targets[1], "10.0.0.2:50051");
    const struct target_set one = TARGETS_OF("10.0.0.7");
    assert_int_equal(one.count, 1);
    assert_string_equal(one.targets[0], "10.0.0.7:50051");
    const struct target_set ipv6 = TARGETS_OF("::2", "::1");
    assert_int_equal(ipv6.count, 2);
    assert_string_equal(ipv6.targets[0], "[::1]:50051");
}

static void test_one_of_each_family_is_one_instance_under_the_name(void **state)
{
    (void)state;
    const struct target_set set = TARGETS_OF("::1", "127.0.0.1", "127.0.0.1");
    assert_int_equal(set.count, 1);
    assert_string_equal(set.targets[0], "counter-service:50051");
}

static void test_of_two_families_the_larger_counts_and_ipv4_of_equal_ones(void **state)
{
    (void)state;
    const struct target_set equal = TARGETS_OF("::1", "::2", "10.0.0.1", "10.0.0.2");
    assert_int_equal(equal.count, 2);
    assert_string_equal(equal.targets[0], "10.0.0.1:50051");
    const struct target_set more_6 = TARGETS_OF("::1", "::2", "10.0.0.1");
    assert_int_equal(more_6.count, 2);
    assert_string_equal(more_6.targets[1], "[::2]:50051");
    const struct target_set more_4 = TARGETS_OF("::1", "10.0.0.1", "10.0.0.2");
    assert_int_equal(more_4.count, 2);
    assert_string_equal(more_4.targets[1], "10.0.0.2:50051");
}

static void test_more_addresses_than_instances_are_cut(void **state)
{
    (void)state;
    char text[100][16];
    const char *addresses[100];
    for (int i = 0; i < 100; i++) {
        snprintf(text[i], sizeof(text[i]), "10.0.0.%d", 100 + i);
        addresses[i] = text[i];
    }
    const struct target_set set = targets_of(addresses, 100);
    assert_int_equal(set.count, INSTANCES_MAX);
    assert_int_equal(set.cut, 36);
}

static void test_no_address_is_no_instance(void **state)
{
    (void)state;
    assert_int_equal(targets_of(NULL, 0).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_address_is_an_instance),
        cmocka_unit_test(test_one_of_each_family_is_one_instance_under_the_name),
        cmocka_unit_test(test_of_two_families_the_larger_counts_and_ipv4_of_equal_ones),
        cmocka_unit_test(test_more_addresses_than_instances_are_cut),
        cmocka_unit_test(test_no_address_is_no_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
