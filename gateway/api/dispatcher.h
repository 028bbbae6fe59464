/* From an HTTP request to the handler of its route: the checks that all routes share. Loop thread only. */
#ifndef TALLY_GATEWAY_API_DISPATCHER_H
#define TALLY_GATEWAY_API_DISPATCHER_H

#include <stddef.h>

#include "gateway/http/request_state.h"

/* All routes, for the metrics. */
const struct route *dispatcher_routes(size_t *ret_count);

/* For http_application.on_headers. */
struct http_allowance dispatcher_on_headers(void *loop_context, struct http_request *request);
/* A request that is complete or refused. */
void dispatcher_handle(struct loop_context *loop, struct http_request *request);
/* For http_application.on_gone. */
void dispatcher_on_gone(void *loop_context, struct http_request *request);

#endif
