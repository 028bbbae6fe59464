/* Redirected calls, with an owner that notes what it is asked. */
#include "counter-service/store/store_later.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/wait_for.h"

enum { ITEMS_MAX = 10, CALLS = 8 };

struct fake_owner {
    struct store_owner owner;
    enum status of_put;
    enum status of_put_at;
    int suspected;
    int moved;
    struct store_call *put[32]; /* in order, put_at among them */
    bool was_asking[32];
    size_t put_count;
    size_t tries;
    char place[HOST_SIZE];
    int port;
};

static void suspect(void *ctx)
{
    ((struct fake_owner *)ctx)->suspected++;
}

static void moved(void *ctx, int partition, const struct redis_address *address)
{
    struct fake_owner *fake = ctx;
    assert_int_equal(partition, 5);
    fake->moved++;
    snprintf(fake->place, sizeof(fake->place), "%s", address->tcp.host);
    fake->port = address->tcp.port;
}

static enum status take(struct fake_owner *fake, struct store_call *call, enum status status)
{
    fake->tries++;
    assert_null(call->next);
    if (status == STATUS_OK) {
        fake->was_asking[fake->put_count] = call->asking;
        fake->put[fake->put_count++] = call;
    }
    return status;
}

static enum status put(void *ctx, struct store_call *call)
{
    struct fake_owner *fake = ctx;
    return take(fake, call, fake->of_put);
}

static enum status put_at(void *ctx, const struct redis_address *address, struct store_call *call)
{
    struct fake_owner *fake = ctx;
    snprintf(fake->place, sizeof(fake->place), "%s", address->tcp.host);
    fake->port = address->tcp.port;
    return take(fake, call, fake->of_put_at);
}

/* A list of calls that wait, and its owner. */
struct setting {
    struct fake_owner fake;
    struct store_later later;
    struct redis_address asked;
    struct store_call calls[CALLS];
    int done;
};

static int *done_count;

static void on_done(struct store_call *call)
{
    (void)call;
    (*done_count)++;
}

static int setup(void **state)
{
    static struct setting setting;
    setting = (struct setting){.asked = {.tcp = {.host = "10.0.0.1", .port = 6379}}};
    setting.fake.owner =
        (struct store_owner){.suspect = suspect, .moved = moved, .put = put, .put_at = put_at, .ctx = &setting.fake};
    for (int i = 0; i < CALLS; i++) {
        setting.calls[i] =
            (struct store_call){.partition = 5, .item_count = 3, .deadline_us = INT64_MAX, .done = on_done};
    }
    done_count = &setting.done;
    store_later_init(&setting.later, &setting.fake.owner, &setting.asked, ITEMS_MAX);
    *state = &setting;
    return 0;
}

static const struct redis_redirect to_there = {.kind = REDIS_REDIRECT_MOVED,
                                               .address = {.tcp = {.host = "10.0.0.2", .port = 6380}}};
static const struct redis_redirect ask_there = {.kind = REDIS_REDIRECT_ASK,
                                                .address = {.tcp = {.host = "10.0.0.2", .port = 6380}}};
static const struct redis_redirect again = {.kind = REDIS_REDIRECT_AGAIN};

static void test_a_moved_partition_is_told_and_followed_at_once(void **state)
{
    struct setting *setting = *state;
    setting->calls[0].asking = true; /* from before */
    store_later_take(&setting->later, &setting->calls[0], &to_there);
    assert_int_equal(setting->fake.moved, 1);
    assert_string_equal(setting->fake.place, "10.0.0.2");
    assert_int_equal(setting->fake.port, 6380);
    assert_ptr_equal(setting->fake.put[0], &setting->calls[0]);
    assert_false(setting->fake.was_asking[0]);
    assert_int_equal(setting->done, 0);
    assert_int_equal(setting->later.next_us, INT64_MAX);
}

static void test_a_node_that_is_to_be_asked_is_asked(void **state)
{
    struct setting *setting = *state;
    store_later_take(&setting->later, &setting->calls[0], &ask_there);
    assert_int_equal(setting->fake.moved, 0); /* the partition is where it was */
    assert_ptr_equal(setting->fake.put[0], &setting->calls[0]);
    assert_true(setting->fake.was_asking[0]);
    assert_string_equal(setting->fake.place, "10.0.0.2");
}

static void test_a_host_that_is_left_out_is_the_one_asked(void **state)
{
    struct setting *setting = *state;
    struct redis_redirect redirect = ask_there;
    redirect.address.tcp.host[0] = '\0';
    store_later_take(&setting->later, &setting->calls[0], &redirect);
    assert_string_equal(setting->fake.place, "10.0.0.1");
    assert_int_equal(setting->fake.port, 6380);
}

static void test_a_call_waits_and_is_put_again(void **state)
{
    struct setting *setting = *state;
    const int64_t start_us = clock_monotonic_us();
    store_later_take(&setting->later, &setting->calls[0], &again);
    store_later_take(&setting->later, &setting->calls[1], &again);
    assert_int_equal(setting->fake.suspected, 2);
    assert_int_equal(setting->fake.tries, 0);
    assert_true(setting->later.next_us > start_us);
    assert_true(setting->later.next_us < start_us + INT64_C(10) * 1000 * 1000);
    store_later_put_again(&setting->later, true);
    assert_int_equal(setting->fake.put_count, 2);
    assert_ptr_equal(setting->fake.put[0], &setting->calls[0]);
    assert_ptr_equal(setting->fake.put[1], &setting->calls[1]);
    assert_int_equal(setting->later.next_us, INT64_MAX);
    assert_int_equal(setting->later.length, 0);
    assert_int_equal(setting->done, 0);
}

static void test_whom_nobody_takes_waits_without_asking(void **state)
{
    struct setting *setting = *state;
    setting->fake.of_put_at = STATUS_REDIS_DOWN;
    setting->fake.of_put = STATUS_REDIS_DOWN;
    store_later_take(&setting->later, &setting->calls[0], &ask_there);
    assert_false(setting->calls[0].asking);
    store_later_take(&setting->later, &setting->calls[1], &to_there);
    assert_int_equal(setting->done, 0);
    store_later_put_again(&setting->later, true);
    assert_int_equal(setting->done, 0);
    assert_int_equal(setting->later.length, 6);
    setting->fake.of_put = STATUS_OK;
    store_later_put_again(&setting->later, true);
    assert_int_equal(setting->fake.put_count, 2);
    assert_false(setting->fake.was_asking[0]);
}

static void test_nodes_that_name_each_other_are_not_followed_for_ever(void **state)
{
    struct setting *setting = *state;
    size_t followed = 0;
    while (setting->later.length == 0) {
        store_later_take(&setting->later, &setting->calls[0], &to_there);
        followed++;
        assert_true(followed < 10);
    }
    assert_int_equal(setting->fake.put_count, followed - 1);
    assert_int_equal(setting->done, 0);
}

static void test_a_call_looks_for_its_partition_for_some_time(void **state)
{
    struct setting *setting = *state;
    const int64_t start_us = clock_monotonic_us();
    setting->fake.of_put = STATUS_REDIS_DOWN;
    store_later_take(&setting->later, &setting->calls[0], &again);
    while (setting->done == 0) {
        assert_true(clock_monotonic_us() - start_us < WAIT_FOR_MAX_US);
        usleep(5000);
        store_later_put_again(&setting->later, true);
    }
    assert_true(clock_monotonic_us() - start_us >= 300 * 1000);
    assert_int_equal(setting->calls[0].status, STATUS_REDIS_DOWN); /* it was not run */
    assert_non_null(setting->calls[0].detail);
}

static void test_the_time_is_from_the_first_redirection(void **state)
{
    struct setting *setting = *state;
    setting->calls[0].redirects = 3;
    setting->calls[0].redirected_us = clock_monotonic_us() - 10 * 1000 * 1000;
    store_later_take(&setting->later, &setting->calls[0], &to_there); /* it is followed still */
    assert_int_equal(setting->fake.put_count, 1);
    store_later_take(&setting->later, &setting->calls[0], &again);
    assert_int_equal(setting->done, 1);
    assert_int_equal(setting->calls[0].status, STATUS_REDIS_DOWN);
}

static void test_a_call_past_its_deadline_does_not_wait(void **state)
{
    struct setting *setting = *state;
    setting->calls[0].deadline_us = clock_monotonic_us();
    store_later_take(&setting->later, &setting->calls[0], &again);
    assert_int_equal(setting->done, 1);
    assert_int_equal(setting->later.next_us, INT64_MAX);
}

static void test_only_so_many_items_wait(void **state)
{
    struct setting *setting = *state;
    for (int i = 0; i < 3; i++) {
        store_later_take(&setting->later, &setting->calls[i], &again);
    }
    assert_int_equal(setting->done, 0);
    store_later_take(&setting->later, &setting->calls[3], &again);
    assert_int_equal(setting->done, 1);
    assert_int_equal(setting->calls[3].status, STATUS_REDIS_DOWN);
    setting->calls[4].item_count = 0; /* it takes a place too */
    store_later_take(&setting->later, &setting->calls[4], &again);
    assert_int_equal(setting->done, 1);
    setting->calls[5].item_count = 0;
    store_later_take(&setting->later, &setting->calls[5], &again);
    assert_int_equal(setting->done, 2);
    store_later_put_again(&setting->later, true);
    assert_int_equal(setting->fake.put_count, 4);
}

static void test_a_large_call_may_wait_alone(void **state)
{
    struct setting *setting = *state;
    setting->calls[0].item_count = 10 * ITEMS_MAX;
    store_later_take(&setting->later, &setting->calls[0], &again);
    assert_int_equal(setting->done, 0);
    store_later_put_again(&setting->later, true);
    assert_int_equal(setting->fake.put_count, 1);
}

static void test_at_the_end_nobody_waits(void **state)
{
    struct setting *setting = *state;
    store_later_take(&setting->later, &setting->calls[0], &again);
    store_later_take(&setting->later, &setting->calls[1], &again);
    setting->fake.of_put = STATUS_DRAINING;
    store_later_put_again(&setting->later, false);
    assert_int_equal(setting->done, 2);
    assert_int_equal(setting->calls[0].status, STATUS_REDIS_DOWN);
    assert_int_equal(setting->later.length, 0);
    store_later_put_again(&setting->later, false); /* nothing */
    assert_int_equal(setting->done, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_moved_partition_is_told_and_followed_at_once, setup),
        cmocka_unit_test_setup(test_a_node_that_is_to_be_asked_is_asked, setup),
        cmocka_unit_test_setup(test_a_host_that_is_left_out_is_the_one_asked, setup),
        cmocka_unit_test_setup(test_a_call_waits_and_is_put_again, setup),
        cmocka_unit_test_setup(test_whom_nobody_takes_waits_without_asking, setup),
        cmocka_unit_test_setup(test_nodes_that_name_each_other_are_not_followed_for_ever, setup),
        cmocka_unit_test_setup(test_a_call_looks_for_its_partition_for_some_time, setup),
        cmocka_unit_test_setup(test_the_time_is_from_the_first_redirection, setup),
        cmocka_unit_test_setup(test_a_call_past_its_deadline_does_not_wait, setup),
        cmocka_unit_test_setup(test_only_so_many_items_wait, setup),
        cmocka_unit_test_setup(test_a_large_call_may_wait_alone, setup),
        cmocka_unit_test_setup(test_at_the_end_nobody_waits, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
