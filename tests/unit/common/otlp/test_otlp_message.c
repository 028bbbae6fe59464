/* What is packed, read again. */
#include "common/otlp/otlp_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <cmocka.h>

#include "common/otlp/gzip.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest Request;
typedef Opentelemetry__Proto__Trace__V1__Span Span;
typedef Opentelemetry__Proto__Common__V1__KeyValue KeyValue;

static const struct span_attribute resource[] = {
    {.key = "service.name", .text = {"tally-test", 10}},
    {.key = "process.pid", .number = 4711},
};

static struct queued_span queued_of(const char *name)
{
    return (struct queued_span){
        .start_ns = 1700000000000000000,
        .end_ns = 1700000000000123000,
        .span = {.context = {.trace_id = {1, 2, 3}, .span_id = {4, 5}, .is_sampled = true},
                 .kind = SPAN_SERVER,
                 .name = text_of(name)},
    };
}

static Request *pack_and_read(const struct queued_span *spans, size_t count)
{
    struct buffer packed;
    buffer_init(&packed);
    assert_int_equal(otlp_message_pack(resource, 2, spans, count, &packed), 0);
    Request *request = opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
        NULL, packed.len, (const uint8_t *)packed.data);
    buffer_done(&packed);
    assert_non_null(request);
    assert_int_equal(request->n_resource_spans, 1);
    assert_int_equal(request->resource_spans[0]->n_scope_spans, 1);
    assert_int_equal(request->resource_spans[0]->scope_spans[0]->n_spans, count);
    return request;
}

static void done(Request *request)
{
    opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(request, NULL);
}

static const Span *span_of(const Request *request, size_t number)
{
    return request->resource_spans[0]->scope_spans[0]->spans[number];
}

static void assert_bytes(ProtobufCBinaryData found, const void *expected, size_t len)
{
    assert_int_equal(found.len, len);
    assert_memory_equal(found.data, expected, len);
}

static void assert_string(ProtobufCBinaryData found, const char *expected)
{
    assert_int_equal(found.len, strlen(expected));
    assert_true(found.len == 0 || memcmp(found.data, expected, found.len) == 0);
}

static void assert_text_attribute(const KeyValue *pair, const char *key, const char *text)
{
    assert_string(pair->key, key);
    assert_int_equal(pair->value->value_case, OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE);
    assert_string(pair->value->string_value, text);
}

static void assert_number_attribute(const KeyValue *pair, const char *key, int64_t number)
{
    assert_string(pair->key, key);
    assert_int_equal(pair->value->value_case, OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE);
    assert_int_equal(pair->value->int_value, number);
}

static void test_resource_and_scope_are_told_once(void **state)
{
    (void)state;
    struct queued_span spans[2] = {queued_of("one"), queued_of("two")};
    spans[0].next = &spans[1];
    Request *request = pack_and_read(spans, 2);
    const Opentelemetry__Proto__Resource__V1__Resource *about = request->resource_spans[0]->resource;
    assert_int_equal(about->n_attributes, 2);
    assert_text_attribute(about->attributes[0], "service.name", "tally-test");
    assert_number_attribute(about->attributes[1], "process.pid", 4711);
    assert_string(request->resource_spans[0]->scope_spans[0]->scope->name, "tally");
    assert_string(request->resource_spans[0]->scope_spans[0]->scope->version, TALLY_VERSION);
    assert_string(span_of(request, 0)->name, "one");
    assert_string(span_of(request, 1)->name, "two");
    done(request);
}

static void test_every_field_of_a_span_arrives(void **state)
{
    (void)state;
    static const struct span_link links[] = {{.trace_id = {7}, .span_id = {8}}, {.trace_id = {9}, .span_id = {10}}};
    static const uint8_t trace_id[TRACE_ID_BYTES] = {1, 2, 3};
    static const uint8_t span_id[TRACE_SPAN_ID_BYTES] = {4, 5};
    static const uint8_t parent_id[TRACE_SPAN_ID_BYTES] = {6};
    struct queued_span queued = queued_of("POST /api/v1/counter/increment");
    queued.span.parent_id[0] = 6;
    queued.span.has_remote_parent = true;
    queued.span.state = TEXT("vendor=value");
    queued.span.has_failed = true;
    queued.span.failure = TEXT("the store is down");
    queued.span.links = links;
    queued.span.link_count = 2;
    span_add_text(&queued.span, "http.route", TEXT("/api"));
    span_add_number(&queued.span, "http.response.status_code", 503);
    span_add_number(&queued.span, "least", INT64_MIN);
    span_add_text(&queued.span, "empty", TEXT(""));
    Request *request = pack_and_read(&queued, 1);
    const Span *span = span_of(request, 0);
    assert_bytes(span->trace_id, trace_id, sizeof(trace_id));
    assert_bytes(span->span_id, span_id, sizeof(span_id));
    assert_bytes(span->parent_span_id, parent_id, sizeof(parent_id));
    assert_int_equal(span->flags, 0x301);
    assert_string(span->trace_state, "vendor=value");
    assert_string(span->name, "POST /api/v1/counter/increment");
    assert_int_equal(span->kind, OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_SERVER);
    assert_int_equal(span->start_time_unix_nano, 1700000000000000000);
    assert_int_equal(span->end_time_unix_nano, 1700000000000123000);
    assert_int_equal(span->n_attributes, 4);
    assert_text_attribute(span->attributes[0], "http.route", "/api");
    assert_number_attribute(span->attributes[1], "http.response.status_code", 503);
    assert_number_attribute(span->attributes[2], "least", INT64_MIN);
    assert_text_attribute(span->attributes[3], "empty", "");
    assert_int_equal(span->n_links, 2);
    assert_bytes(span->links[0]->trace_id, links[0].trace_id, TRACE_ID_BYTES);
    assert_bytes(span->links[1]->span_id, links[1].span_id, TRACE_SPAN_ID_BYTES);
    assert_int_equal(span->status->code, OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR);
    assert_string(span->status->message, "the store is down");
    done(request);
}

static void test_what_a_span_has_not_is_left_out(void **state)
{
    (void)state;
    const struct queued_span queued = queued_of("x");
    Request *request = pack_and_read(&queued, 1);
    const Span *span = span_of(request, 0);
    assert_int_equal(span->parent_span_id.len, 0);
    assert_int_equal(span->flags, 0x101);
    assert_int_equal(span->trace_state.len, 0);
    assert_int_equal(span->n_attributes + span->n_links, 0);
    assert_null(span->status);
    done(request);
}

static void test_kinds_are_those_of_the_protocol(void **state)
{
    (void)state;
    for (int kind = SPAN_INTERNAL; kind <= SPAN_CONSUMER; kind++) {
        struct queued_span queued = queued_of("x");
        queued.span.kind = (enum span_kind)kind;
        Request *request = pack_and_read(&queued, 1);
        assert_int_equal(span_of(request, 0)->kind, kind);
        done(request);
    }
    assert_int_equal(SPAN_CLIENT, OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_CLIENT);
    assert_int_equal(SPAN_CONSUMER, OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_CONSUMER);
}

static void test_a_text_that_is_not_utf8_does_not_cost_the_others(void **state)
{
    (void)state;
    struct queued_span queued = queued_of("\xC3\xA9t\xC3\xA9");
    span_add_text(&queued.span, "bad", TEXT("caf\xE9!"));
    Request *request = pack_and_read(&queued, 1);
    assert_string(span_of(request, 0)->name, "\xC3\xA9t\xC3\xA9");
    assert_text_attribute(span_of(request, 0)->attributes[0], "bad", "caf?!");
    done(request);
}

static void test_what_is_compressed_comes_out_again(void **state)
{
    (void)state;
    enum { LEN = 300000 };
    char *data = malloc(LEN);
    char *again = malloc(LEN);
    struct buffer packed;
    assert_true(data != NULL && again != NULL);
    for (size_t i = 0; i < LEN; i++) {
        data[i] = (char)(i * i % 251);
    }
    buffer_init(&packed);
    buffer_append(&packed, "before", 6);
    assert_int_equal(gzip_compress((struct text){data, LEN}, &packed), 0);
    assert_memory_equal(packed.data, "before\x1F\x8B", 8);
    z_stream stream = {.next_in = (Bytef *)packed.data + 6, .avail_in = (uInt)packed.len - 6};
    stream.next_out = (Bytef *)again;
    stream.avail_out = LEN;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, LEN);
    assert_memory_equal(again, data, LEN);
    inflateEnd(&stream);
    buffer_done(&packed);
    free(again);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resource_and_scope_are_told_once),
        cmocka_unit_test(test_every_field_of_a_span_arrives),
        cmocka_unit_test(test_what_a_span_has_not_is_left_out),
        cmocka_unit_test(test_kinds_are_those_of_the_protocol),
        cmocka_unit_test(test_a_text_that_is_not_utf8_does_not_cost_the_others),
        cmocka_unit_test(test_what_is_compressed_comes_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
