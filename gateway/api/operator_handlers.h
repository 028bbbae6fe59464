/* The calls for operators: health, metrics and the API's description. They always answer at once. Loop thread only. */
#ifndef TALLY_GATEWAY_API_OPERATOR_HANDLERS_H
#define TALLY_GATEWAY_API_OPERATOR_HANDLERS_H

#include "gateway/http/request_state.h"

/* GET /health */
void handle_health(struct request_state *state);
/* GET /health/live */
void handle_live(struct request_state *state);
/* GET /health/ready */
void handle_ready(struct request_state *state);
/* GET /metrics */
void handle_metrics(struct request_state *state);
/* GET /openapi.yaml */
void handle_openapi(struct request_state *state);

#endif
