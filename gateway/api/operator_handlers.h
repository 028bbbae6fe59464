/* The calls for operators: health, metrics and the API's description. Loop thread only. */
#ifndef TALLY_GATEWAY_API_OPERATOR_HANDLERS_H
#define TALLY_GATEWAY_API_OPERATOR_HANDLERS_H

#include "common/http/http_server.h"
#include "common/process/pprof.h"
#include "gateway/api/gateway_health.h"
#include "gateway/http/request_state.h"

/* The endpoints, and with them the routes of dispatcher.c: path, content type, is_cacheable, writer. */
#define OPERATOR_ENDPOINTS(ROW) \
    ROW("/health", "application/json", false, write_health) \
    ROW("/health/live", "application/json", false, write_live) \
    ROW("/health/ready", "application/json", false, write_ready) \
    ROW("/metrics", METRICS_CONTENT_TYPE, false, operator_write_metrics) \
    ROW("/openapi.yaml", YAML_CONTENT_TYPE, true, write_openapi) \
    PPROF_ENDPOINTS(ROW)

/* Fills the desk of a loop, before the loop starts. health outlives the desk. */
void operator_handlers_init(struct operator_desk *desk, struct gateway_health *health, struct http_loop *http);
/* GET of each of them. */
void handle_operator(struct request_state *state);

#endif
