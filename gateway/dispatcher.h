/* From an HTTP request to the handler of its route: the checks that all routes share. Loop thread only. */
#ifndef TALLY_GATEWAY_DISPATCHER_H
#define TALLY_GATEWAY_DISPATCHER_H

#include <stddef.h>

#include "gateway/request_state.h"

/* All routes, for the metrics. */
const struct route *dispatcher_routes(size_t *ret_count);

/* For http_application.on_headers. */
struct http_allowance dispatcher_allow(const struct loop_context *loop, const struct http_request *request);
/* For http_application.on_request. */
void dispatcher_handle(struct loop_context *loop, struct http_request *request);
/* For http_application.on_gone. */
void dispatcher_gone(struct http_request *request);

#endif
