#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/http/http_exchange.h"

static struct http_budget budget;
static struct http_exchange_list list;
static const struct http_application application = {.request_state_size = 8, .budget = &budget};

static int set_up(void **state)
{
    (void)state;
    budget = (struct http_budget){.max = 100 * 1024};
    list = (struct http_exchange_list){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_exchange_list_free(&list);
    assert_int_equal(http_budget_used(&budget), 0);
    return 0;
}

static struct http_exchange *new_exchange(void)
{
    struct http_exchange *exchange = http_exchange_take(&list, NULL, &application);
    assert_non_null(exchange);
    http_exchange_reset(exchange);
    exchange->body_max = 1024 * 1024;
    return exchange;
}

static void test_what_is_taken_is_given_back_and_never_over_the_bound(void **state)
{
    (void)state;
    assert_true(http_budget_take(&budget, 60 * 1024));
    assert_false(http_budget_take(&budget, 60 * 1024));
    assert_true(http_budget_take(&budget, 40 * 1024));
    assert_false(http_budget_take(&budget, 1));
    assert_false(http_budget_take(&budget, SIZE_MAX));
    assert_int_equal(http_budget_used(&budget), 100 * 1024);
    http_budget_give_back(&budget, 100 * 1024);
}

static void test_usual_bodies_cost_nothing(void **state)
{
    struct http_exchange *exchange = new_exchange();
    (void)state;
    assert_int_equal(http_exchange_reserve_body(exchange, HTTP_BUDGET_FREE), HTTP_BODY_ROOM);
    assert_int_equal(http_budget_used(&budget), 0);
    http_exchange_give_back(&list, exchange);
}

static void test_a_body_announced_is_taken_at_once_or_not_at_all(void **state)
{
    struct http_exchange *first = new_exchange();
    struct http_exchange *second = new_exchange();
    (void)state;
    assert_int_equal(http_exchange_reserve_body(first, 80 * 1024), HTTP_BODY_ROOM);
    assert_int_equal(http_budget_used(&budget), 80 * 1024);
    assert_int_equal(http_exchange_reserve_body(second, 80 * 1024), HTTP_BODY_NO_BUDGET);
    assert_int_equal(http_budget_used(&budget), 80 * 1024);
    http_exchange_give_back(&list, first);
    assert_int_equal(http_budget_used(&budget), 0);
    assert_int_equal(http_exchange_reserve_body(second, 80 * 1024), HTTP_BODY_ROOM);
    second->phase = EXCHANGE_ABANDONED;
    http_request_release(&second->request);
}

static void test_a_body_in_chunks_is_taken_as_it_grows(void **state)
{
    static char piece[10 * 1024];
    struct http_exchange *exchange = new_exchange();
    (void)state;
    memset(piece, 'x', sizeof(piece));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(http_exchange_add_body(exchange, piece, sizeof(piece)), 0);
        assert_true(http_budget_used(&budget) >= exchange->request.body_len);
    }
    assert_int_equal(exchange->request.refusal, HTTP_NOT_REFUSED);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(http_exchange_add_body(exchange, piece, sizeof(piece)), 0);
    }
    assert_int_equal(exchange->request.refusal, HTTP_OVER_BUDGET);
    assert_int_equal(exchange->request.body_len, 15 * sizeof(piece)); /* thrown away, but counted */
    assert_int_equal(http_budget_used(&budget), 0);                   /* another may have the place */
    http_exchange_give_back(&list, exchange);
}

static void test_a_body_takes_no_more_than_it_may_have(void **state)
{
    static char piece[1000];
    struct http_exchange *exchange = new_exchange();
    (void)state;
    assert_int_equal(http_exchange_reserve_body(exchange, 3 * sizeof(piece)), HTTP_BODY_ROOM); /* of an earlier one */
    exchange->body_max = 95 * sizeof(piece);
    for (int i = 0; i < 95; i++) {
        assert_int_equal(http_exchange_add_body(exchange, piece, sizeof(piece)), 0);
    }
    assert_int_equal(exchange->request.refusal, HTTP_NOT_REFUSED);
    assert_int_equal(http_budget_used(&budget), exchange->body_max);
    http_exchange_give_back(&list, exchange);
}

static void test_an_answer_takes_the_place_of_its_request(void **state)
{
    static char answer[120 * 1024];
    struct http_exchange *exchange = new_exchange();
    struct http_exchange *other = new_exchange();
    (void)state;
    assert_int_equal(http_exchange_reserve_body(exchange, 80 * 1024), HTTP_BODY_ROOM);
    buffer_append(&exchange->request.reply, answer, sizeof(answer));
    http_exchange_keep_response(exchange, &(struct http_response){.status = 200});
    assert_true(http_budget_used(&budget) >= sizeof(answer)); /* over the bound: what it tells has happened */
    assert_int_equal(http_exchange_reserve_body(other, 8 * 1024), HTTP_BODY_NO_BUDGET);
    http_exchange_give_back(&list, exchange);
    assert_int_equal(http_budget_used(&budget), 0);
    http_exchange_give_back(&list, other);
}

static void test_usual_answers_cost_nothing(void **state)
{
    struct http_exchange *exchange = new_exchange();
    (void)state;
    buffer_append_text(&exchange->request.reply, TEXT("{}"));
    http_exchange_keep_response(exchange, &(struct http_response){.status = 200});
    assert_int_equal(http_budget_used(&budget), 0);
    http_exchange_give_back(&list, exchange);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_taken_is_given_back_and_never_over_the_bound),
        TEST(test_usual_bodies_cost_nothing),
        TEST(test_a_body_announced_is_taken_at_once_or_not_at_all),
        TEST(test_a_body_in_chunks_is_taken_as_it_grows),
        TEST(test_a_body_takes_no_more_than_it_may_have),
        TEST(test_an_answer_takes_the_place_of_its_request),
        TEST(test_usual_answers_cost_nothing),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
