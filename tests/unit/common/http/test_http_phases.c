/* What an application must not do to a request ends the program at once, and not in counts that no longer match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/http/http_loop.h"

static const struct http_application application = {.request_state_size = 8};
static const struct http_response response = {.status = 200};
static struct http_loop loop;
static struct http_exchange *exchange;

/* A request that the application has. */
static int set_up(void **state)
{
    (void)state;
    loop = (struct http_loop){.progress.waiting = 1};
    exchange = http_exchange_take(&loop.free_exchanges, &loop, &application);
    assert_non_null(exchange);
    http_exchange_reset(exchange);
    exchange->phase = EXCHANGE_WAITING;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    exchange->phase = EXCHANGE_ABANDONED;
    http_request_release(&exchange->request);
    return 0;
}

/* In a process of its own, which says nothing and leaves no core. */
static void assert_aborts(void (*act)(void))
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGABRT, SIG_DFL); /* cmocka's would go on with the next test */
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        act();
        _exit(0);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

static void reply(void)
{
    http_reply(&exchange->request, &response);
}

static void release(void)
{
    http_request_release(&exchange->request);
}

static void give_back(void)
{
    http_exchange_give_back(&loop.free_exchanges, exchange);
}

static void test_a_request_is_answered_once(void **state)
{
    (void)state;
    reply();
    assert_int_equal(exchange->phase, EXCHANGE_ANSWERED);
    assert_int_equal(loop.progress.waiting, 0);
    assert_int_equal(loop.progress.answered, 1);
    assert_aborts(reply);
}

static void test_a_request_is_not_answered_when_its_client_is_gone(void **state)
{
    (void)state;
    exchange->phase = EXCHANGE_ABANDONED;
    assert_aborts(reply);
}

static void test_a_request_is_released_only_when_its_client_is_gone(void **state)
{
    (void)state;
    assert_aborts(release);
    reply();
    assert_aborts(release);
}

static void test_what_the_application_has_is_not_used_again(void **state)
{
    (void)state;
    assert_aborts(give_back);
    exchange->phase = EXCHANGE_ABANDONED;
    assert_aborts(give_back);
}

static void test_a_request_that_was_not_counted_is_not_answered(void **state)
{
    (void)state;
    loop.progress.waiting = 0;
    assert_aborts(reply);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_answered_once),
        TEST(test_a_request_is_not_answered_when_its_client_is_gone),
        TEST(test_a_request_is_released_only_when_its_client_is_gone),
        TEST(test_what_the_application_has_is_not_used_again),
        TEST(test_a_request_that_was_not_counted_is_not_answered),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
