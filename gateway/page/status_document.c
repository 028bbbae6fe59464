#include "gateway/page/status_document.h"

#include <cjson/cJSON.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"

enum { US_PER_MS = 1000 };

static void begin_field(struct buffer *out, const char *name)
{
    buffer_append_text(out, TEXT(","));
    buffer_append_json_string(out, text_of(name));
    buffer_append_text(out, TEXT(":"));
}

static void add_integer(struct buffer *out, const char *name, int64_t value)
{
    begin_field(out, name);
    buffer_append_int64(out, value);
}

/* --- counters ----------------------------------------------------------------------------------------------------- */

static void add_writes(struct buffer *out, const struct request_metrics *metrics)
{
    begin_field(out, "writes");
    buffer_append_text(out, TEXT("{\"accepted\":"));
    buffer_append_int64(out, metrics_read(metrics->accepted));
    for (size_t i = 0; i < WRITE_RESULTS; i++) {
        add_integer(out, request_metrics_result_name((enum write_result)i), metrics_read(metrics->writes[i]));
    }
    buffer_append_text(out, TEXT("}"));
}

static int64_t sum_of_shed(const struct request_metrics *metrics)
{
    int64_t sum = 0;
    for (size_t i = 0; i < SHED_REASONS; i++) {
        sum += metrics_read(metrics->shed[i]);
    }
    return sum;
}

/* The API's calls are those below /api/; the others are for who operates the gateway. */
static bool is_of_api(const struct route *route)
{
    static const char prefix[] = "/api/";
    return strncmp(route->pattern, prefix, sizeof(prefix) - 1) == 0;
}

/* Requests by how long they took: of each bucket alone, the last for what is above the last bound. */
static void add_durations(struct buffer *out, const char *name, const struct request_metrics *metrics, bool is_write)
{
    uint64_t sums[METRIC_BUCKETS_MAX + 1] = {0};
    for (size_t i = 0; i < metrics->route_count; i++) {
        if (is_of_api(&metrics->routes[i]) && metrics->routes[i].is_write == is_write) {
            metrics_add_buckets(metrics->durations[i], METRICS_SECONDS_BUCKET_COUNT, sums);
        }
    }
    begin_field(out, name);
    for (size_t i = 0; i <= METRICS_SECONDS_BUCKET_COUNT; i++) {
        buffer_append_text(out, i == 0 ? TEXT("[") : TEXT(","));
        buffer_append_int64(out, (int64_t)sums[i]);
    }
    buffer_append_text(out, TEXT("]"));
}

static void add_latency(struct buffer *out, const struct request_metrics *metrics)
{
    begin_field(out, "latency");
    buffer_append_text(out, TEXT("{\"bounds_seconds\":"));
    for (size_t i = 0; i < METRICS_SECONDS_BUCKET_COUNT; i++) {
        buffer_append_format(out, "%s%g", i == 0 ? "[" : ",", metrics_seconds_buckets[i]);
    }
    buffer_append_text(out, TEXT("]"));
    add_durations(out, "increments", metrics, true);
    add_durations(out, "reads", metrics, false);
    buffer_append_text(out, TEXT("}"));
}

/* --- instances ---------------------------------------------------------------------------------------------------- */

bool status_document_is_object(struct text text)
{
    const char *end = NULL;
    cJSON *parsed = utf8_is_valid(text) ? cJSON_ParseWithLengthOpts(text.data, text.len, &end, false) : NULL;
    const bool is_object = cJSON_IsObject(parsed) && end == text.data + text.len;
    cJSON_Delete(parsed);
    return is_object;
}

static void add_report(struct buffer *out, struct channel_pool *pool, const char *target)
{
    struct buffer report;
    buffer_init(&report);
    const int64_t age_us = channel_pool_read_report(pool, target, &report);
    const struct text text = {report.data, report.failed ? 0 : report.len};
    if (age_us >= 0 && text.len > 0 && status_document_is_object(text)) {
        add_integer(out, "age_ms", age_us / US_PER_MS);
        begin_field(out, "health");
        buffer_append_text(out, text);
    } else {
        buffer_append_text(out, TEXT(",\"age_ms\":null,\"health\":null"));
    }
    buffer_done(&report);
}

static void add_reports(struct buffer *out, struct channel_pool *pool)
{
    struct channel_pool_instance instances[CHANNEL_POOL_MEMBERS_MAX];
    const size_t count = pool == NULL ? 0 : channel_pool_describe(pool, instances, CHANNEL_POOL_MEMBERS_MAX);
    if (pool != NULL) {
        channel_pool_want_reports(pool);
    }
    begin_field(out, "reports");
    buffer_append_text(out, TEXT("["));
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(out, i == 0 ? TEXT("{\"target\":") : TEXT(",{\"target\":"));
        buffer_append_json_string(out, text_of(instances[i].target));
        add_report(out, pool, instances[i].target);
        buffer_append_text(out, TEXT("}"));
    }
    buffer_append_text(out, TEXT("]"));
}

/* --- rankings ----------------------------------------------------------------------------------------------------- */

static void add_windows(struct buffer *out, const struct ranking_config *ranking)
{
    const char *before = "";
    for (int i = 0; i < RANKING_CALENDARS; i++) {
        if (ranking->calendar[i]) {
            buffer_append_format(out, "%s\"%s\"", before, config_ranking_calendar_name((enum ranking_calendar)i));
            before = ",";
        }
    }
    for (size_t i = 0; i < ranking->rolling_count; i++) {
        buffer_append_format(out, "%s\"%s\"", before, ranking->rolling[i].name);
        before = ",";
    }
}

static void add_rankings(struct buffer *out, const struct config *config)
{
    begin_field(out, "rankings");
    buffer_append_text(out, TEXT("["));
    for (size_t i = 0; i < config->ranking_count; i++) {
        buffer_append_text(out, i == 0 ? TEXT("{\"counter_type\":") : TEXT(",{\"counter_type\":"));
        buffer_append_json_string(out, text_of(config->rankings[i].counter_type));
        buffer_append_text(out, TEXT(",\"windows\":["));
        add_windows(out, &config->rankings[i]);
        buffer_append_text(out, TEXT("]}"));
    }
    buffer_append_text(out, TEXT("]"));
}

void status_document_write(const struct status_source *source, struct buffer *out)
{
    buffer_append_text(out, TEXT("{\"version\":\"" TALLY_VERSION "\""));
    add_integer(out, "started_ms", source->started_us / US_PER_MS);
    add_integer(out, "clock_ms", clock_monotonic_us() / US_PER_MS);
    add_integer(out, "request_timeout_ms", source->config->server.request_timeout_ms);
    add_writes(out, source->metrics);
    add_integer(out, "shed", sum_of_shed(source->metrics));
    add_latency(out, source->metrics);
    begin_field(out, "health");
    buffer_append_text(out, source->health);
    add_reports(out, source->pool);
    add_rankings(out, source->config);
    buffer_append_text(out, TEXT("}"));
}
