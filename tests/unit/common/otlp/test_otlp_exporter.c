/* The exporter against a collector that answers as a script says. */
#include "common/otlp/otlp_exporter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "tests/fakes/metrics_text.h"
#include "tests/fakes/scripted_http.h"
#include "tests/fakes/wait_for.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest Request;

#define POST "POST /v1/traces HTTP/1.1\r\n"
#define SILENCE ""
#define HANG_UP "HANG UP"
#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#define STATUS(number) "HTTP/1.1 " number " No\r\nConnection: close\r\nContent-Length: 5\r\n\r\nsorry"

enum { STEPS_MAX = 4, BIG = 64 * 1024 * 1024 };

/* Quick, but for what is to be seen. */
static const struct otlp_pace quick = {
    .gather_ms = 20, .request_ms = 3000, .pause_ms = 10, .give_up_ms = 60000, .end_ms = 300};

struct bench {
    const char *steps[STEPS_MAX]; /* answers, one after the other; the last one again and again */
    size_t step;                  /* the server's thread */
    struct scripted_http *server;
    struct span_queue queue;
    struct otlp_settings settings;
    struct otlp_exporter *exporter;
    char url[64];
    double exported_before;
};

static void answer(void *ctx, const char *request, struct buffer *out)
{
    (void)request;
    struct bench *bench = ctx;
    const char *step = bench->steps[bench->step];
    if (bench->step + 1 < STEPS_MAX && bench->steps[bench->step + 1] != NULL) {
        bench->step++;
    }
    buffer_append(out, strcmp(step, HANG_UP) == 0 ? "\0" : step, strcmp(step, HANG_UP) == 0 ? 1 : strlen(step));
}

static double exported_total(void)
{
    return metrics_text_value("tally_spans_exported_total", 0);
}

static void start_with(struct bench *bench, const struct otlp_pace *pace, size_t queue_max)
{
    struct error error;
    bench->server = scripted_http_start(answer, bench);
    assert_non_null(bench->server);
    snprintf(bench->url, sizeof(bench->url), "http://%s/v1/traces", scripted_http_address(bench->server));
    bench->settings = (struct otlp_settings){
        .url = bench->url,
        .headers = {"Content-Type: application/x-protobuf", "Content-Encoding: gzip", "X-Tenant: me"},
        .header_count = 3,
        .resource = {{.key = "service.name", .text = TEXT("test")}},
        .resource_count = 1,
    };
    bench->exported_before = exported_total();
    span_queue_init(&bench->queue, queue_max);
    bench->exporter = otlp_exporter_start(&bench->settings, pace, &bench->queue, &error);
    assert_non_null(bench->exporter);
}

static void start(struct bench *bench)
{
    start_with(bench, &quick, 10000);
}

static void put(struct bench *bench, size_t count)
{
    const struct span span = {
        .context = {.trace_id = {1}, .span_id = {2}, .is_sampled = true}, .kind = SPAN_SERVER, .name = TEXT("GET /x")};
    for (size_t i = 0; i < count; i++) {
        span_queue_put(&bench->queue, &span);
    }
}

static double exported(const struct bench *bench)
{
    return exported_total() - bench->exported_before;
}

static void stop(struct bench *bench)
{
    otlp_exporter_stop(bench->exporter);
    scripted_http_stop(bench->server);
    span_queue_done(&bench->queue);
}

static size_t asked(struct bench *bench)
{
    return scripted_http_count(bench->server, "POST");
}

static const char *nth(struct bench *bench, size_t number)
{
    const char *request = scripted_http_wait(bench->server, POST, number);
    assert_non_null(request);
    return request;
}

/* How many spans a request has. */
static size_t spans_of(const char *request)
{
    const struct text body = scripted_http_body(request);
    uint8_t *message = malloc(BIG);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)body.data, .avail_in = (uInt)body.len};
    assert_non_null(message);
    stream.next_out = message;
    stream.avail_out = BIG;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    Request *unpacked = opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
        NULL, stream.total_out, message);
    assert_non_null(unpacked);
    const size_t count = unpacked->resource_spans[0]->scope_spans[0]->n_spans;
    opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(unpacked, NULL);
    free(message);
    return count;
}

/* ---- taken ---- */

static void test_a_batch_is_posted_once(void **state)
{
    (void)state;
    struct bench bench = {.steps = {OK}};
    start(&bench);
    put(&bench, 3);
    const char *request = nth(&bench, 1);
    assert_non_null(strstr(request, "\r\nContent-Type: application/x-protobuf\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Encoding: gzip\r\n"));
    assert_non_null(strstr(request, "\r\nX-Tenant: me\r\n"));
    assert_null(strcasestr(request, "\r\nExpect:"));
    assert_int_equal(spans_of(request), 3);
    WAIT_FOR(exported(&bench) == 3);
    clock_sleep_ms(100);
    assert_int_equal(asked(&bench), 1);
    assert_int_equal(metrics_text_value("tally_spans_dropped_total", -1), 0);
    stop(&bench);
    assert_false(metrics_text_has("tally_spans_dropped_total"));
}

static void test_a_batch_has_512_spans_at_most(void **state)
{
    (void)state;
    struct bench bench = {.steps = {OK}};
    start(&bench);
    put(&bench, 1200);
    WAIT_FOR(exported(&bench) == 1200);
    size_t sum = 0;
    for (size_t i = 1; i <= asked(&bench); i++) {
        const size_t count = spans_of(nth(&bench, i));
        assert_true(count <= 512);
        sum += count;
    }
    assert_int_equal(sum, 1200);
    stop(&bench);
}

static void test_full_batches_do_not_wait(void **state)
{
    (void)state;
    struct bench bench = {.steps = {OK}};
    struct otlp_pace slow = quick;
    slow.gather_ms = 3600 * 1000;
    start_with(&bench, &slow, 10000);
    put(&bench, 512);
    WAIT_FOR(exported(&bench) == 512);
    stop(&bench);
}

static void assert_taken(const char *reply, double count, uint64_t dropped)
{
    struct bench bench = {.steps = {reply}};
    start(&bench);
    put(&bench, 3);
    WAIT_FOR(exported(&bench) == count && span_queue_dropped(&bench.queue) == dropped);
    clock_sleep_ms(100);
    assert_int_equal(asked(&bench), 1);
    stop(&bench);
}

/* partial_success {rejected_spans: 2, error_message: "old"}, and one that rejects more than there were. */
#define PARTIAL(bytes, len) "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " len "\r\n\r\n" bytes
#define TWO_REJECTED PARTIAL("\x0a\x07\x08\x02\x12\x03old", "9")
#define TOO_MANY_REJECTED PARTIAL("\x0a\x03\x08\xE8\x07", "5")
#define REMARK PARTIAL("\x0a\x05\x12\x03old", "7")

static void test_what_a_collector_rejects_is_dropped_and_not_sent_again(void **state)
{
    (void)state;
    assert_taken(TWO_REJECTED, 1, 2);
    assert_taken(TOO_MANY_REJECTED, 0, 3);
    assert_taken(REMARK, 3, 0);
}

static void test_a_200_counts_whatever_its_body_says(void **state)
{
    (void)state;
    static char long_answer[256 * 1024];
    const int len = snprintf(long_answer, sizeof(long_answer),
                             "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n");
    memset(long_answer + len, '\xFF', 200000);
    assert_taken("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n{\"partial\":{}}", 3, 0);
    assert_taken(long_answer, 3, 0);
}

/* ---- sent again ---- */

static void assert_sent_again(const char *first)
{
    struct bench bench = {.steps = {first, OK}};
    start(&bench);
    put(&bench, 3);
    WAIT_FOR(exported(&bench) == 3);
    assert_int_equal(asked(&bench), 2);
    assert_true(text_equal(scripted_http_body(nth(&bench, 1)), scripted_http_body(nth(&bench, 2))));
    assert_int_equal(span_queue_dropped(&bench.queue), 0);
    stop(&bench);
}

static void test_what_may_be_tried_again_is_sent_again_with_the_same_bytes(void **state)
{
    (void)state;
    assert_sent_again(STATUS("429"));
    assert_sent_again(STATUS("502"));
    assert_sent_again(STATUS("503"));
    assert_sent_again(STATUS("504"));
}

static void test_no_answer_is_a_reason_to_try_again(void **state)
{
    (void)state;
    assert_sent_again(SILENCE);
    assert_sent_again(HANG_UP);
    assert_sent_again("this is no HTTP\r\n\r\n");
    assert_sent_again("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut short");
}

#define COME_BACK(head, seconds) \
    "HTTP/1.1 503 No\r\nConnection: close\r\n" head "Retry-After: " seconds "\r\nContent-Length: 0\r\n\r\n"

static void test_a_collector_is_left_alone_as_long_as_it_asks(void **state)
{
    (void)state;
    struct bench bench = {.steps = {COME_BACK("", "1"), OK}};
    start(&bench);
    const int64_t start_us = clock_monotonic_us();
    put(&bench, 3);
    (void)nth(&bench, 2);
    assert_true(clock_monotonic_us() - start_us >= 1000 * 1000);
    WAIT_FOR(exported(&bench) == 3);
    stop(&bench);
}

static void test_a_batch_is_not_kept_for_a_collector_that_wants_an_hour(void **state)
{
    (void)state;
    struct bench bench = {.steps = {COME_BACK("", "3600"), OK}};
    start(&bench);
    put(&bench, 3);
    WAIT_FOR(span_queue_dropped(&bench.queue) == 3);
    put(&bench, 2);
    WAIT_FOR(span_queue_dropped(&bench.queue) == 5);
    assert_int_equal(asked(&bench), 1);
    stop(&bench);
}

/* ---- given up ---- */

static void assert_refused(const char *reply)
{
    struct bench bench = {.steps = {reply, OK}};
    start(&bench);
    put(&bench, 3);
    WAIT_FOR(span_queue_dropped(&bench.queue) == 3);
    clock_sleep_ms(100);
    assert_int_equal(scripted_http_count(bench.server, ""), 1);
    put(&bench, 2);
    WAIT_FOR(exported(&bench) == 2);
    stop(&bench);
}

static void test_what_may_not_be_tried_again_is_dropped(void **state)
{
    (void)state;
    assert_refused(STATUS("400"));
    assert_refused(STATUS("401"));
    assert_refused(STATUS("404"));
    assert_refused(STATUS("408"));
    assert_refused(STATUS("413"));
    assert_refused(STATUS("500"));
    assert_refused(STATUS("501"));
    assert_refused("HTTP/1.1 307 Away\r\nConnection: close\r\nLocation: /v1/traces\r\nContent-Length: 0\r\n\r\n");
}

static void test_a_batch_is_given_up_in_the_end(void **state)
{
    (void)state;
    struct bench bench = {.steps = {STATUS("503")}};
    struct otlp_pace pace = quick;
    pace.give_up_ms = 3000;
    start_with(&bench, &pace, 100);
    put(&bench, 3);
    WAIT_FOR(span_queue_dropped(&bench.queue) == 3);
    assert_true(asked(&bench) >= 2);
    stop(&bench);
}

static void test_nobody_waits_for_a_silent_collector(void **state)
{
    (void)state;
    struct bench bench = {.steps = {SILENCE}};
    start_with(&bench, &quick, 100);
    put(&bench, 1);
    (void)nth(&bench, 1);
    put(&bench, 100000);
    assert_true(span_queue_dropped(&bench.queue) >= 100000 - 200);
    stop(&bench);
    assert_int_equal(exported(&bench), 0);
}

/* ---- the end ---- */

static void test_what_is_left_is_sent_at_the_end(void **state)
{
    (void)state;
    struct bench bench = {.steps = {OK}};
    struct otlp_pace pace = quick;
    pace.gather_ms = 3600 * 1000;
    pace.end_ms = 20 * 1000;
    start_with(&bench, &pace, 10000);
    put(&bench, 500);
    otlp_exporter_stop(bench.exporter);
    bench.exporter = NULL;
    assert_int_equal(exported(&bench), 500);
    assert_int_equal(asked(&bench), 1);
    put(&bench, 2);
    assert_int_equal(span_queue_dropped(&bench.queue), 2);
    stop(&bench);
}

static void assert_ends(const char *reply, const struct otlp_pace *pace)
{
    struct bench bench = {.steps = {reply}};
    start_with(&bench, pace, 10000);
    put(&bench, 600);
    (void)nth(&bench, 1);
    const int64_t start_us = clock_monotonic_us();
    otlp_exporter_stop(bench.exporter);
    bench.exporter = NULL;
    assert_true(clock_monotonic_us() - start_us < INT64_C(10) * 1000 * 1000);
    assert_int_equal(exported(&bench), 0);
    assert_int_equal(span_queue_dropped(&bench.queue), 600);
    stop(&bench);
}

static void test_the_end_does_not_wait_for_the_collector(void **state)
{
    (void)state;
    struct otlp_pace pace = quick;
    pace.request_ms = 3600 * 1000;
    pace.pause_ms = 1800 * 1000 / 64;
    pace.give_up_ms = 3600 * 1000;
    assert_ends(SILENCE, &pace);
    assert_ends(STATUS("503"), &pace);
    assert_ends(COME_BACK("", "1000"), &pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_is_posted_once),
        cmocka_unit_test(test_a_batch_has_512_spans_at_most),
        cmocka_unit_test(test_full_batches_do_not_wait),
        cmocka_unit_test(test_what_a_collector_rejects_is_dropped_and_not_sent_again),
        cmocka_unit_test(test_a_200_counts_whatever_its_body_says),
        cmocka_unit_test(test_what_may_be_tried_again_is_sent_again_with_the_same_bytes),
        cmocka_unit_test(test_no_answer_is_a_reason_to_try_again),
        cmocka_unit_test(test_a_collector_is_left_alone_as_long_as_it_asks),
        cmocka_unit_test(test_a_batch_is_not_kept_for_a_collector_that_wants_an_hour),
        cmocka_unit_test(test_what_may_not_be_tried_again_is_dropped),
        cmocka_unit_test(test_a_batch_is_given_up_in_the_end),
        cmocka_unit_test(test_nobody_waits_for_a_silent_collector),
        cmocka_unit_test(test_what_is_left_is_sent_at_the_end),
        cmocka_unit_test(test_the_end_does_not_wait_for_the_collector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
