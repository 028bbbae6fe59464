#include "tests/fakes/client_fixture.h"

#include <assert.h>
#include <grpc/byte_buffer_reader.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/wait_for.h"

/* --- servers ------------------------------------------------------------------------------------------------------ */

static void copy_message(grpc_byte_buffer *message, char *text, size_t size)
{
    grpc_byte_buffer_reader reader;
    const int readable = grpc_byte_buffer_reader_init(&reader, message);
    assert(readable);
    (void)readable;
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    assert(GRPC_SLICE_LENGTH(all) < size);
    memcpy(text, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
    text[GRPC_SLICE_LENGTH(all)] = '\0';
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
}

grpc_byte_buffer *client_fixture_message(const void *data, size_t len)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(data, len);
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return message;
}

static void answer_by_plan(void *ctx, struct fake_rpc *rpc)
{
    struct planned_server *server = ctx;
    pthread_mutex_lock(&server->lock);
    assert(server->seen_count < RPCS_MAX);
    struct seen_rpc *seen = &server->seen[server->seen_count++];
    strncpy(seen->method, rpc->method, sizeof(seen->method) - 1);
    copy_message(rpc->request, seen->request, sizeof(seen->request));
    seen->remaining_ms = gpr_time_to_millis(
        gpr_time_sub(gpr_convert_clock_type(rpc->deadline, GPR_CLOCK_MONOTONIC), gpr_now(GPR_CLOCK_MONOTONIC)));
    pthread_mutex_unlock(&server->lock);

    const size_t last = server->plan_count - 1;
    const struct plan *plan = &server->plans[rpc->number - 1 < last ? rpc->number - 1 : last];
    rpc->silent = plan->silent;
    rpc->code = plan->code;
    rpc->outcome = plan->outcome;
    rpc->reason = plan->reason;
    if (plan->reply_len > 0) {
        char *bytes = malloc(plan->reply_len);
        memset(bytes, 'r', plan->reply_len);
        rpc->reply = client_fixture_message(bytes, plan->reply_len);
        free(bytes);
    }
}

unsigned client_fixture_seen(struct client_fixture *fixture, size_t number)
{
    struct planned_server *server = &fixture->servers[number];
    pthread_mutex_lock(&server->lock);
    const unsigned count = server->seen_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void client_fixture_wait_for_rpcs(struct client_fixture *fixture, unsigned count)
{
    WAIT_FOR(client_fixture_seen(fixture, 0) >= count);
}

/* --- fixture ------------------------------------------------------------------------------------------------------ */

static void wake(void *ctx)
{
    struct client_fixture *fixture = ctx;
    sem_post(&fixture->woken);
}

void client_fixture_add_server(struct client_fixture *fixture, const struct plan *plans, size_t plan_count)
{
    struct planned_server *server = &fixture->servers[fixture->server_count++];
    memcpy(server->plans, plans, plan_count * sizeof(plans[0]));
    server->plan_count = plan_count;
    server->server = fake_grpc_server_start(0, FAKE_HEALTH_SERVING, answer_by_plan, server);
}

static bool is_ready(struct client_fixture *fixture)
{
    struct channel_pool_instance instances[SERVERS_MAX];
    const size_t count = channel_pool_describe(fixture->pool, instances, SERVERS_MAX);
    size_t ready = 0;
    while (ready < count && instances[ready].takes_calls &&
           instances[ready].ready_channels == instances[ready].channels) {
        ready++;
    }
    return ready == fixture->server_count;
}

void client_fixture_start(struct client_fixture *fixture, int attempt_timeout_ms)
{
    const char *targets[SERVERS_MAX];
    for (size_t i = 0; i < fixture->server_count; i++) {
        targets[i] = fake_grpc_server_target(fixture->servers[i].server);
    }
    const struct channel_pool_options options = {
        .targets = targets,
        .target_count = fixture->server_count,
        .size = CLIENT_CHANNELS,
        .keep_alive_ms = 30000,
        .breaker_failures = fixture->breaker_failures,
        .breaker_open_for_ms = fixture->breaker_open_for_ms,
    };
    fixture->pool = channel_pool_create(&options, NULL);
    assert_non_null(fixture->pool);
    fixture->client = counter_client_create(fixture->pool, attempt_timeout_ms, wake, fixture, NULL);
    assert_non_null(fixture->client);
    WAIT_FOR(is_ready(fixture));
}

int client_fixture_set_up(void **state)
{
    struct client_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->breaker_failures = 1000;
    fixture->breaker_open_for_ms = 60 * 1000;
    fixture->rpc = COUNTER_RPC_SESSION_INCREMENT;
    sem_init(&fixture->woken, 0, 0);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        pthread_mutex_init(&fixture->servers[i].lock, NULL);
    }
    *state = fixture;
    return 0;
}

int client_fixture_tear_down(void **state)
{
    struct client_fixture *fixture = *state;
    counter_client_free(fixture->client);
    channel_pool_free(fixture->pool);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        fake_grpc_server_stop(fixture->servers[i].server);
        pthread_mutex_destroy(&fixture->servers[i].lock);
    }
    sem_destroy(&fixture->woken);
    free(fixture);
    return 0;
}

static void on_done(void *ctx, enum status status, grpc_byte_buffer *reply)
{
    struct call_result *result = ctx;
    result->ends++;
    result->status = status;
    assert_int_equal(reply != NULL, status == STATUS_OK);
    result->reply_len = reply != NULL ? grpc_byte_buffer_length(reply) : 0;
    if (result->gives_up != NULL) {
        client_call_abandon(result->gives_up);
    }
}

void client_fixture_call(struct client_fixture *fixture, struct call_result *result, int64_t timeout_us)
{
    const int64_t now_us = clock_monotonic_us();
    *result = (struct call_result){0};
    const struct client_call_options options = {
        .rpc = fixture->rpc, .deadline_us = now_us + timeout_us, .on_done = on_done, .ctx = result};
    result->call = client_call_start(fixture->client, &options, client_fixture_message("the message", 11), now_us);
    assert_non_null(result->call);
    assert_int_equal(result->ends, 0);
}

void client_fixture_run_until(struct client_fixture *fixture, const struct call_result *results, size_t count,
                              int64_t until_us)
{
    for (;;) {
        const int64_t now_us = clock_monotonic_us();
        const int64_t wanted_us = counter_client_poll(fixture->client, now_us);
        size_t ended = 0;
        for (size_t i = 0; i < count; i++) {
            ended += results[i].ends > 0;
        }
        if ((count > 0 && ended == count) || now_us >= until_us) {
            return;
        }
        int64_t wait_us = (wanted_us < until_us ? wanted_us : until_us) - clock_monotonic_us();
        wait_us += clock_realtime_us();
        const struct timespec until = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
        sem_timedwait(&fixture->woken, &until);
    }
}

void client_fixture_call_until_the_deadline(struct client_fixture *fixture, struct call_result *result,
                                            unsigned attempts)
{
    const int64_t start_us = clock_monotonic_us();
    client_fixture_call(fixture, result, LONG_US);
    WAIT_FOR_SEM(&fixture->woken);
    for (unsigned i = 1; i < attempts; i++) {
        const int64_t now_us = clock_monotonic_us();
        const int64_t retry_us = counter_client_poll(fixture->client, now_us);
        if (retry_us > now_us) {
            usleep((useconds_t)(retry_us - now_us));
            counter_client_poll(fixture->client, clock_monotonic_us());
        }
        WAIT_FOR_SEM(&fixture->woken);
    }
    assert_int_equal(result->ends, 0);
    counter_client_poll(fixture->client, start_us + 2 * LONG_US);
    assert_int_equal(result->ends, 1);
}

void client_fixture_run(struct client_fixture *fixture, const struct call_result *results, size_t count)
{
    client_fixture_run_until(fixture, results, count, clock_monotonic_us() + LONG_US + WAIT_FOR_MAX_US);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(results[i].ends, 1);
    }
}
