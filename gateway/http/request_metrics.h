/* What the gateway counts about HTTP requests and about the fate of writes. The series are looked up once, so that the
 * request path pays an add. Each event loop owns one; loop thread only. */
#ifndef TALLY_GATEWAY_HTTP_REQUEST_METRICS_H
#define TALLY_GATEWAY_HTTP_REQUEST_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/http/http_server.h"
#include "common/metrics/metrics.h"
#include "gateway/http/router.h"

/* What became of an increment that was accepted for sending: accepted = the sum of these, once nothing is in flight. */
enum write_result { WRITE_APPLIED, WRITE_REPLAYED, WRITE_NOT_APPLIED, WRITE_UNKNOWN, WRITE_RESULTS };

enum shed_reason {
    SHED_MAX_PENDING,
    SHED_OUT_OF_MEMORY,
    SHED_BODY_MEMORY,
    SHED_NOT_IN_TIME, /* it, or a part of it, waited in vain until its deadline */
    SHED_REASONS
};

/* The route of a request that matches none. */
#define ROUTE_UNMATCHED "unmatched"

enum {
    METRIC_ROUTES_MAX = 32, /* with the one for requests that match none */
    METRIC_METHODS = HTTP_OTHER_METHOD + 1,
    METRIC_STATUSES_MAX = 14, /* HTTP statuses that the gateway answers */
};

/* As the label `outcome` has it: "applied". Static. */
const char *request_metrics_result_name(enum write_result result);

struct request_metrics {
    const struct route *routes;
    size_t route_count;
    metric_series requests[METRIC_ROUTES_MAX][METRIC_METHODS][METRIC_STATUSES_MAX]; /* 0: not looked up yet */
    metric_series durations[METRIC_ROUTES_MAX];
    metric_series accepted;
    metric_series writes[WRITE_RESULTS];
    metric_series shed[SHED_REASONS];
};

/* routes outlive the metrics. */
void request_metrics_init(struct request_metrics *metrics, const struct route *routes, size_t route_count);
/* A request was answered. route: NULL if none matched. */
void request_metrics_answered(struct request_metrics *metrics, const struct route *route, enum http_method method,
                              int http_status, int64_t duration_us, const struct trace_context *trace);
void request_metrics_accepted(struct request_metrics *metrics, size_t increments);
void request_metrics_written(struct request_metrics *metrics, enum write_result result, size_t increments);
void request_metrics_shed(struct request_metrics *metrics, enum shed_reason reason);

#endif
