#include "gateway/http/request_metrics.h"

#include <assert.h>
#include <stdio.h>

static const struct metric_family requests_family = {
    .name = "tally_http_requests_total",
    .help = "HTTP requests answered.",
    .type = METRIC_COUNTER,
    .labels = {"route", "method", "status"},
};

static const struct metric_family accepted_family = {
    .name = "tally_writes_accepted_total",
    .help = "Increments accepted for sending.",
    .type = METRIC_COUNTER,
};

static const struct metric_family writes_family = {
    .name = "tally_writes_total",
    .help = "Accepted increments by what became of them.",
    .type = METRIC_COUNTER,
    .labels = {"outcome"},
};

static const struct metric_family shed_family = {
    .name = "tally_shed_total",
    .help = "Requests refused with 503, in whole or in part, because a bound was reached or the wait too long.",
    .type = METRIC_COUNTER,
    .labels = {"reason"},
};

static const struct metric_family durations_family = {
    .name = "tally_http_request_duration_seconds",
    .help = "From the complete request to its answer.",
    .type = METRIC_HISTOGRAM,
    .has_exemplars = true,
    .labels = {"route"},
    .buckets = metrics_seconds_buckets,
    .bucket_count = METRICS_SECONDS_BUCKET_COUNT,
};

static const char *const write_results[WRITE_RESULTS] = {"applied", "replayed", "not_applied", "unknown"};
static const char *const shed_reasons[SHED_REASONS] = {"max_pending", "out_of_memory", "max_body_memory",
                                                       "not_in_time"};
static const int statuses[METRIC_STATUSES_MAX] = {200, 204, 400, 403, 404, 405, 409, 413, 415, 422, 500, 501, 503, 504};

const char *request_metrics_result_name(enum write_result result)
{
    return write_results[result];
}

static const char *route_label(const struct request_metrics *metrics, size_t route)
{
    return route < metrics->route_count ? metrics->routes[route].pattern : ROUTE_UNMATCHED;
}

void request_metrics_init(struct request_metrics *metrics, const struct route *routes, size_t route_count)
{
    assert(route_count < METRIC_ROUTES_MAX);
    *metrics = (struct request_metrics){.routes = routes, .route_count = route_count};
    for (size_t i = 0; i <= route_count; i++) {
        metrics->durations[i] = metrics_register(&durations_family, (const char *[]){route_label(metrics, i)});
    }
    metrics->accepted = metrics_register(&accepted_family, NULL);
    for (size_t i = 0; i < WRITE_RESULTS; i++) {
        metrics->writes[i] = metrics_register(&writes_family, &write_results[i]);
    }
    for (size_t i = 0; i < SHED_REASONS; i++) {
        metrics->shed[i] = metrics_register(&shed_family, &shed_reasons[i]);
    }
}

/* Where the status stands in `statuses`; all that are not there share the last place with 504. */
static size_t status_index(int http_status)
{
    size_t i = 0;
    while (i < METRIC_STATUSES_MAX - 1 && statuses[i] != http_status) {
        i++;
    }
    return i;
}

static metric_series look_up(const struct request_metrics *metrics, size_t route, enum http_method method,
                             int http_status)
{
    char status[16];
    snprintf(status, sizeof(status), "%d", http_status);
    return metrics_register(&requests_family,
                            (const char *[]){route_label(metrics, route), http_method_name(method), status});
}

void request_metrics_answered(struct request_metrics *metrics, const struct route *route, enum http_method method,
                              int http_status, int64_t duration_us, const struct trace_context *trace)
{
    const size_t index = route != NULL ? (size_t)(route - metrics->routes) : metrics->route_count;
    metric_series *series = &metrics->requests[index][method][status_index(http_status)];
    if (*series == 0) {
        *series = look_up(metrics, index, method, http_status);
    }
    metrics_add(*series, 1);
    metrics_observe_traced(metrics->durations[index], (double)duration_us / 1e6, trace);
}

void request_metrics_accepted(struct request_metrics *metrics, size_t increments)
{
    metrics_add(metrics->accepted, (int64_t)increments);
}

void request_metrics_written(struct request_metrics *metrics, enum write_result result, size_t increments)
{
    metrics_add(metrics->writes[result], (int64_t)increments);
}

void request_metrics_shed(struct request_metrics *metrics, enum shed_reason reason)
{
    metrics_add(metrics->shed[reason], 1);
}
