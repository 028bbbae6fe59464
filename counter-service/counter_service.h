/* The counter service as a whole: store, gRPC server and admin server, their start and their end. One thread creates,
 * drains and frees it. */
#ifndef TALLY_COUNTER_SERVICE_COUNTER_SERVICE_H
#define TALLY_COUNTER_SERVICE_COUNTER_SERVICE_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/thread/heartbeats.h"

struct counter_service;

/* Listens and serves; connects to Redis in the background, for as long as it takes. config outlives the service. NULL
 * with error filled. */
struct counter_service *counter_service_create(const struct config *config, struct error *error) MUST_CHECK;
/* The ports it listens on: gRPC, and /health and /metrics. */
int counter_service_port(const struct counter_service *service);
int counter_service_admin_port(const struct counter_service *service);
/* Adds the threads without which nothing is counted; they live until counter_service_free. */
void counter_service_watch(const struct counter_service *service, struct heartbeats *heartbeats);
/* Shuts down in the order that fails no call, see ARCHITECTURE.md: returns when all calls are answered, after
 * drain.delay and drain.timeout and a little at the latest. */
void counter_service_drain(struct counter_service *service);
/* Calls that are still open are answered UNAVAILABLE. NULL is fine. */
void counter_service_free(struct counter_service *service);

#endif
