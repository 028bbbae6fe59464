#include "common/consul/consul_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/consul/consul_reply.h"
#include "tests/fakes/scripted_http.h"
#include "tests/fakes/wait_for.h"

#define PATH "GET /v1/health/service/counter-service?passing=true&"
#define ONE "[{\"Service\":{\"Address\":\"10.0.0.1\",\"Port\":50051}}]"

enum { SETS_MAX = 16 };

/* One answer of the agent. */
struct step {
    int status;
    const char *head;
    const char *body;
};

struct fixture {
    struct scripted_http *server;
    struct consul_watch *watch;
    /* the server's thread: the nth query gets the nth step; afterwards no answers */
    const struct step *steps;
    size_t step_count;
    size_t next;
    /* the watch's thread */
    char first_targets[SETS_MAX][HOST_PORT_SIZE]; /* of each set; "" when it is empty */
    size_t counts[SETS_MAX];
    atomic_size_t sets;
};

static void play(void *ctx, const char *request, struct buffer *out)
{
    struct fixture *fixture = ctx;
    (void)request;
    if (fixture->next < fixture->step_count) {
        const struct step *step = &fixture->steps[fixture->next++];
        scripted_http_reply(out, step->status, step->head, step->body);
    }
}

static void keep_set(void *ctx, const struct target_set *set)
{
    struct fixture *fixture = ctx;
    const size_t number = atomic_load(&fixture->sets);
    if (number < SETS_MAX) {
        snprintf(fixture->first_targets[number], HOST_PORT_SIZE, "%s", set->count == 0 ? "" : set->targets[0]);
        fixture->counts[number] = set->count;
        atomic_store(&fixture->sets, number + 1);
    }
}

static struct discovery_description describe(struct consul_watch *watch)
{
    struct discovery_description description;
    consul_watch_describe(watch, &description);
    return description;
}

static void start(struct fixture *fixture, const struct step *steps, size_t step_count, const char *token)
{
    struct error error = {.message = ""};
    memset(fixture, 0, sizeof(*fixture));
    fixture->steps = steps;
    fixture->step_count = step_count;
    fixture->server = scripted_http_start(play, fixture);
    assert_non_null(fixture->server);
    fixture->watch = consul_watch_create(scripted_http_address(fixture->server), token, "counter-service", keep_set,
                                         fixture, &error);
    assert_string_equal(error.message, "");
    assert_non_null(fixture->watch);
}

static void stop(struct fixture *fixture)
{
    consul_watch_free(fixture->watch);
    scripted_http_stop(fixture->server);
}

static void wait_for_sets(struct fixture *fixture, size_t count)
{
    WAIT_FOR(atomic_load(&fixture->sets) >= count);
}

#define STEPS(...) \
    ((const struct step[]){__VA_ARGS__}), sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step)

static void test_each_answer_is_handed_over(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, STEPS({200, "X-Consul-Index: 5\r\n", ONE}, {200, "X-Consul-Index: 9\r\n", "[]"}), "");
    wait_for_sets(&fixture, 2);
    assert_string_equal(fixture.first_targets[0], "10.0.0.1:50051");
    assert_int_equal(fixture.counts[0], 1);
    assert_int_equal(fixture.counts[1], 0);
    assert_true(describe(fixture.watch).is_up);
    const int64_t age_us = clock_realtime_us() - describe(fixture.watch).last_success_us;
    assert_true(age_us >= 0 && age_us < INT64_C(60) * 1000 * 1000);
    stop(&fixture);
}

static void test_a_query_waits_with_the_index_of_the_answer_before(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, STEPS({200, "X-Consul-Index: 5\r\n", ONE}, {200, "x-consul-index: 9\r\n", ONE}), "");
    assert_non_null(scripted_http_wait(fixture.server, PATH "index=0&wait=5000ms HTTP/1.1\r\n", 1));
    assert_non_null(scripted_http_wait(fixture.server, PATH "index=5&wait=5000ms HTTP/1.1\r\n", 1));
    assert_non_null(scripted_http_wait(fixture.server, PATH "index=9&", 1));
    stop(&fixture);
}

static void test_an_index_that_goes_back_is_asked_anew(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, STEPS({200, "X-Consul-Index: 50\r\n", ONE}, {200, "X-Consul-Index: 3\r\n", ONE}), "");
    assert_non_null(scripted_http_wait(fixture.server, PATH "index=50&", 1));
    assert_non_null(scripted_http_wait(fixture.server, PATH "index=0&", 2));
    wait_for_sets(&fixture, 2);
    stop(&fixture);
}

#define ANY \
    { \
        200, NULL, ONE \
    }

static void test_a_missing_index_is_no_busy_loop(void **state)
{
    (void)state;
    struct fixture fixture;
    const int64_t start_us = clock_monotonic_us();
    start(&fixture, STEPS(ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY), "");
    clock_sleep_ms(450);
    const size_t queries = scripted_http_count(fixture.server, PATH);
    const int64_t elapsed_ms = (clock_monotonic_us() - start_us) / 1000;
    assert_true(queries <= (size_t)(elapsed_ms / 100 + 1));
    stop(&fixture);
}

static void test_a_token_is_sent_and_an_empty_one_is_not(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, STEPS({200, "X-Consul-Index: 5\r\n", ONE}), "s3cret");
    const char *sent = scripted_http_wait(fixture.server, PATH, 1);
    assert_non_null(sent);
    assert_non_null(strstr(sent, "\r\nX-Consul-Token: s3cret\r\n"));
    stop(&fixture);
    start(&fixture, STEPS({200, "X-Consul-Index: 5\r\n", ONE}), "");
    sent = scripted_http_wait(fixture.server, PATH, 1);
    assert_non_null(sent);
    assert_null(strcasestr(sent, "X-Consul-Token"));
    stop(&fixture);
}

static void test_nonsense_is_not_handed_over_and_starts_anew(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture,
          STEPS({200, "X-Consul-Index: 5\r\n", ONE}, {200, "X-Consul-Index: 6\r\n", "<html>"},
                {500, "X-Consul-Index: 7\r\n", "No cluster leader"}, {403, NULL, "Permission denied"},
                {200, "X-Consul-Index: 8\r\n", "[]"}),
          "");
    wait_for_sets(&fixture, 2);
    assert_int_equal(fixture.counts[0], 1);
    assert_int_equal(fixture.counts[1], 0);
    assert_int_equal(scripted_http_count(fixture.server, PATH "index=5&"), 1);
    assert_int_equal(scripted_http_count(fixture.server, PATH "index=0&"), 4);
    assert_non_null(scripted_http_wait(fixture.server, PATH "index=8&", 1));
    stop(&fixture);
}

static void test_an_agent_that_fails_is_down(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, STEPS({500, NULL, ""}, {500, NULL, ""}), "");
    assert_non_null(scripted_http_wait(fixture.server, PATH, 3));
    assert_false(describe(fixture.watch).is_up);
    assert_true(describe(fixture.watch).last_success_us == 0);
    stop(&fixture);
    start(&fixture, STEPS({200, "X-Consul-Index: 8\r\n", ONE}, {500, NULL, ""}), "");
    assert_non_null(scripted_http_wait(fixture.server, PATH, 3));
    assert_false(describe(fixture.watch).is_up);
    assert_true(describe(fixture.watch).last_success_us > 0);
    stop(&fixture);
}

static void test_a_failure_is_told_in_the_agents_words(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, STEPS({403, NULL, "ACL not found"}), "");
    assert_non_null(scripted_http_wait(fixture.server, PATH, 2));
    assert_non_null(strstr(describe(fixture.watch).failure.message, "status 403: ACL not found"));
    stop(&fixture);
    start(&fixture, STEPS({403, NULL, "ACL not found"}, {200, "X-Consul-Index: 8\r\n", "[]"}), "");
    wait_for_sets(&fixture, 1);
    assert_string_equal(describe(fixture.watch).failure.message, "");
    stop(&fixture);
}

static void test_an_agent_that_answers_again_is_up_again(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, STEPS({500, NULL, ""}, {500, NULL, ""}, {200, "X-Consul-Index: 8\r\n", "[]"}), "");
    wait_for_sets(&fixture, 1);
    assert_true(describe(fixture.watch).is_up);
    assert_true(describe(fixture.watch).last_success_us > 0);
    stop(&fixture);
}

static void test_an_agent_that_is_not_there_blocks_nobody(void **state)
{
    (void)state;
    struct error error;
    struct fixture fixture;
    const int64_t start_us = clock_monotonic_us();
    memset(&fixture, 0, sizeof(fixture));
    struct consul_watch *watch = consul_watch_create("127.0.0.1:1", "", "counter-service", keep_set, &fixture, &error);
    assert_non_null(watch);
    clock_sleep_ms(50);
    assert_false(describe(watch).is_up);
    consul_watch_free(watch);
    assert_int_equal(atomic_load(&fixture.sets), 0);
    assert_true(clock_monotonic_us() - start_us < INT64_C(20) * 1000 * 1000);
    consul_watch_free(NULL);
}

static void test_freeing_ends_a_query_that_hangs(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, STEPS({200, "X-Consul-Index: 5\r\n", ONE}), "");
    assert_non_null(scripted_http_wait(fixture.server, PATH "index=5&", 1));
    const int64_t start_us = clock_monotonic_us();
    stop(&fixture);
    assert_true(clock_monotonic_us() - start_us < INT64_C(20) * 1000 * 1000);
}

static void test_too_many_instances_are_cut(void **state)
{
    (void)state;
    struct fixture fixture;
    struct buffer body;
    buffer_init(&body);
    for (int i = 0; i < INSTANCES_MAX + 10; i++) {
        buffer_append_format(&body, "%c{\"Service\":{\"Address\":\"a\",\"Port\":%d}}", i == 0 ? '[' : ',', 1000 + i);
    }
    buffer_append_format(&body, "]%c", '\0');
    start(&fixture, STEPS({200, "X-Consul-Index: 5\r\n", body.data}), "");
    wait_for_sets(&fixture, 1);
    assert_int_equal(fixture.counts[0], INSTANCES_MAX);
    stop(&fixture);
    buffer_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_answer_is_handed_over),
        cmocka_unit_test(test_a_query_waits_with_the_index_of_the_answer_before),
        cmocka_unit_test(test_an_index_that_goes_back_is_asked_anew),
        cmocka_unit_test(test_a_missing_index_is_no_busy_loop),
        cmocka_unit_test(test_a_token_is_sent_and_an_empty_one_is_not),
        cmocka_unit_test(test_nonsense_is_not_handed_over_and_starts_anew),
        cmocka_unit_test(test_an_agent_that_fails_is_down),
        cmocka_unit_test(test_a_failure_is_told_in_the_agents_words),
        cmocka_unit_test(test_an_agent_that_answers_again_is_up_again),
        cmocka_unit_test(test_an_agent_that_is_not_there_blocks_nobody),
        cmocka_unit_test(test_freeing_ends_a_query_that_hangs),
        cmocka_unit_test(test_too_many_instances_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
