/* What a pool's instances tell of themselves, against real gRPC servers in this process. */
#include "gateway/pool/channel_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/contract/grpc_message.h"
#include "gateway/pool/instance_report.h"
#include "tally/v1/counter.pb-c.h"
#include "tests/fakes/pool_fixture.h"
#include "tests/fakes/wait_for.h"

/* How the server answers Describe. */
struct describer {
    grpc_status_code code;
    bool is_silent;
    const char *document;
    size_t len;
    atomic_uint calls;
};

static void describe(void *ctx, struct fake_rpc *rpc)
{
    struct describer *describer = ctx;
    assert_string_equal(rpc->method, "/tally.v1.CounterService/Describe");
    atomic_fetch_add(&describer->calls, 1);
    rpc->silent = describer->is_silent;
    rpc->code = describer->code;
    if (describer->document != NULL) {
        Tally__V1__DescribeResponse response = TALLY__V1__DESCRIBE_RESPONSE__INIT;
        response.health = grpc_message_bytes((struct text){describer->document, describer->len});
        rpc->reply = grpc_message_pack(&response.base);
    }
}

struct run {
    struct describer describer;
    struct fake_grpc_server *server;
    struct channel_pool *pool;
};

static void begin(struct run *run, struct describer describer)
{
    run->describer = describer;
    run->server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, describe, &run->describer);
    run->pool = pool_fixture_create_of_one(run->server);
    pool_fixture_wait_for_server(run->pool, run->server, true, SIZE);
}

static void end(struct run *run)
{
    channel_pool_free(run->pool);
    fake_grpc_server_stop(run->server);
}

/* Its length; -1: there is none. *ret_age_us: if wanted. */
static int64_t report_len(struct run *run, int64_t *ret_age_us)
{
    struct buffer out;
    buffer_init(&out);
    const int64_t age_us = channel_pool_read_report(run->pool, fake_grpc_server_target(run->server), &out);
    const int64_t len = age_us < 0 ? -1 : (int64_t)out.len;
    if (len >= 0) {
        assert_memory_equal(out.data, run->describer.document, out.len);
    }
    buffer_done(&out);
    if (ret_age_us != NULL) {
        *ret_age_us = age_us;
    }
    return len;
}

static bool has_two_calls(struct run *run)
{
    channel_pool_want_reports(run->pool);
    return atomic_load(&run->describer.calls) >= 2;
}

static void wait_for_two_calls(struct run *run)
{
    WAIT_FOR(has_two_calls(run));
}

static void test_an_instance_is_asked_while_somebody_wants_to_know(void **state)
{
    struct run run;
    int64_t age_us;
    (void)state;
    begin(&run, (struct describer){.document = "{\"a\":1}", .len = 7});
    usleep(3 * 10 * 1000);
    assert_int_equal(report_len(&run, NULL), -1);
    assert_int_equal(atomic_load(&run.describer.calls), 0);
    channel_pool_want_reports(run.pool);
    WAIT_FOR(report_len(&run, &age_us) == 7);
    assert_true(age_us >= 0 && age_us < PATIENCE_US);
    end(&run);
}

static void test_an_unknown_instance_has_no_report(void **state)
{
    struct run run;
    struct buffer out;
    (void)state;
    begin(&run, (struct describer){.document = "{}", .len = 2});
    buffer_init(&out);
    assert_int_equal(channel_pool_read_report(run.pool, "192.0.2.1:1", &out), -1);
    assert_int_equal(out.len, 0);
    end(&run);
}

static void test_who_cannot_tell_has_no_report(void **state)
{
    struct run run;
    (void)state;
    begin(&run, (struct describer){.code = GRPC_STATUS_UNIMPLEMENTED});
    wait_for_two_calls(&run);
    assert_int_equal(report_len(&run, NULL), -1);
    end(&run);
}

static void test_too_long_a_report_is_none(void **state)
{
    struct run run;
    char *document = malloc(REPORT_LEN_MAX + 1);
    (void)state;
    assert_non_null(document);
    memset(document, ' ', REPORT_LEN_MAX + 1);
    begin(&run, (struct describer){.document = document, .len = REPORT_LEN_MAX + 1});
    wait_for_two_calls(&run);
    assert_int_equal(report_len(&run, NULL), -1);
    end(&run);
    begin(&run, (struct describer){.document = document, .len = REPORT_LEN_MAX});
    wait_for_two_calls(&run);
    assert_int_equal(report_len(&run, NULL), REPORT_LEN_MAX);
    end(&run);
    free(document);
}

static void test_a_pool_ends_while_a_report_is_awaited(void **state)
{
    struct run run;
    (void)state;
    begin(&run, (struct describer){.is_silent = true});
    channel_pool_want_reports(run.pool);
    WAIT_FOR(atomic_load(&run.describer.calls) > 0);
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_instance_is_asked_while_somebody_wants_to_know),
        cmocka_unit_test(test_an_unknown_instance_has_no_report),
        cmocka_unit_test(test_who_cannot_tell_has_no_report),
        cmocka_unit_test(test_too_long_a_report_is_none),
        cmocka_unit_test(test_a_pool_ends_while_a_report_is_awaited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
