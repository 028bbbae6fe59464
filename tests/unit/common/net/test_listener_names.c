/* Names that are listened on, as a resolver tells them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/net/listener.h"
#include "tests/fakes/fake_resolver.h"

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's names are reserved */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret_list)
{
    (void)host;
    (void)service;
    (void)hints;
    return fake_resolver_getaddrinfo(ret_list);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's names are reserved */
void freeaddrinfo(struct addrinfo *list)
{
    fake_resolver_freeaddrinfo(list);
}

static void test_an_address_that_a_name_has_twice_is_listened_on_once(void **state)
{
    (void)state;
    static const char *const twice[] = {"127.0.0.1", "127.0.0.1"};
    struct listeners listeners;
    struct error error = {.message = ""};
    fake_resolver_answer(twice, 2);
    assert_int_equal(listeners_open("name", 0, LISTENER_ALONE, &listeners, &error), 0);
    assert_int_equal(listeners.count, 1);
    const int port = listener_port(listeners.fds[0]);
    listeners_close(&listeners);
    assert_int_equal(listeners_open("name", port, LISTENER_ALONE, &listeners, &error), 0);
    assert_int_equal(listeners.count, 1);
    listeners_close(&listeners);
}

static void test_each_address_of_a_name_is_listened_on_at_one_port(void **state)
{
    (void)state;
    static const char *const both[] = {"127.0.0.1", "127.0.0.2", "127.0.0.1"};
    struct listeners listeners;
    struct error error = {.message = ""};
    fake_resolver_answer(both, 3);
    assert_int_equal(listeners_open("name", 0, LISTENER_ALONE, &listeners, &error), 0);
    assert_int_equal(listeners.count, 2);
    assert_int_equal(listener_port(listeners.fds[0]), listener_port(listeners.fds[1]));
    listeners_close(&listeners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_that_a_name_has_twice_is_listened_on_once),
        cmocka_unit_test(test_each_address_of_a_name_is_listened_on_at_one_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
