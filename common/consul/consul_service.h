/* How an instance presents itself to a Consul agent: its ID and the body of its registration
 * (https://developer.hashicorp.com/consul/api-docs/agent/service#register-service). Pure. */
#ifndef TALLY_COMMON_CONSUL_CONSUL_SERVICE_H
#define TALLY_COMMON_CONSUL_CONSUL_SERVICE_H

#include "common/base/compiler.h"
#include "common/net/host_port.h"

enum { CONSUL_SERVICE_ID_SIZE = 64 + HOST_SIZE };

/* The strings belong to somebody else. */
struct consul_service {
    const char *name;         /* "counter-service", at most 32 bytes */
    const char *host;         /* where others reach it; IPv6 without brackets */
    int port;                 /* the bound one, never 0 */
    const char *version;      /* meta */
    int metrics_port;         /* meta: of the same host, where GET /metrics is; never 0 */
    int partitions;           /* meta; 0: left out */
    const char *store_id;     /* meta; NULL or "": left out */
    const char *grpc_service; /* checked over gRPC, "tally.v1.CounterService"; or NULL, and then: */
    const char *http_path;    /* checked with a GET, "/health/ready" */
    int interval_ms;          /* between two checks */
};

/* Writes "NAME-HOST-PORT", NUL-terminated. */
void consul_service_id(const struct consul_service *service, char out[CONSUL_SERVICE_ID_SIZE]);
/* Returns the registration as JSON, NUL-terminated, to be freed by the caller, or NULL when out of memory. */
char *consul_service_json(const struct consul_service *service) MUST_CHECK;

#endif
