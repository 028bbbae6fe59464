#include "common/thread/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/clock.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open; /* guarded by lock */
};

static void gate_init(struct gate *gate)
{
    *gate = (struct gate){.open = false};
    pthread_mutex_init(&gate->lock, NULL);
    condition_init(&gate->opened);
}

static void gate_done(struct gate *gate)
{
    pthread_cond_destroy(&gate->opened);
    pthread_mutex_destroy(&gate->lock);
}

static bool wait_for(struct gate *gate, int64_t until_us)
{
    pthread_mutex_lock(&gate->lock);
    while (!gate->open && condition_wait(&gate->opened, &gate->lock, until_us)) {
        /* woken for nothing */
    }
    const bool open = gate->open;
    pthread_mutex_unlock(&gate->lock);
    return open;
}

static void *open_soon(void *data)
{
    struct gate *gate = data;
    clock_sleep_ms(50);
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_signal(&gate->opened);
    pthread_mutex_unlock(&gate->lock);
    return NULL;
}

static void test_a_wait_ends_at_its_time_and_not_before(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate);
    const int64_t now_us = clock_monotonic_us();
    assert_false(wait_for(&gate, now_us - 1));
    assert_false(wait_for(&gate, 0));
    /* Over a whole second's end, wherever it lies. */
    assert_false(wait_for(&gate, now_us + 1000001));
    assert_true(clock_monotonic_us() >= now_us + 1000001);
    gate_done(&gate);
}

static void test_a_wait_without_end_ends_with_the_signal(void **state)
{
    (void)state;
    struct gate gate;
    gate_init(&gate);
    pthread_t helper;
    assert_int_equal(pthread_create(&helper, NULL, open_soon, &gate), 0);
    assert_true(wait_for(&gate, INT64_MAX));
    pthread_join(helper, NULL);
    gate_done(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wait_ends_at_its_time_and_not_before),
        cmocka_unit_test(test_a_wait_without_end_ends_with_the_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
