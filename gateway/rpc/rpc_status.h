/* What counter-service's answers mean: gRPC codes and trailers to enum status (proto/tally/v1/counter.proto). Pure. */
#ifndef TALLY_GATEWAY_RPC_RPC_STATUS_H
#define TALLY_GATEWAY_RPC_RPC_STATUS_H

#include "common/base/text.h"
#include "common/contract/status.h"
#include "tally/v1/counter.pb-c.h"

/* A whole call that failed: its google.rpc.Code (not 0) and the value of its tally-outcome trailer, empty if there was
 * none. The library makes codes itself after a request was sent, so without the trailer the outcome is unknown.
 * reason: the value of tally-reason, likewise. pushback: the value of grpc-retry-pushback-ms, likewise; negative: do
 * not try again. */
enum status rpc_status_of_call(int code, struct text outcome, struct text reason, struct text pushback);

/* One item of a batch reply, whose codes are always the service's own. */
enum status rpc_status_of_item(int code, Tally__V1__ErrorReason reason);

#endif
