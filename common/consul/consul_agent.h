/* Requests to a Consul agent's HTTP API (https://developer.hashicorp.com/consul/api-docs). Belongs to one thread at a
 * time, but for consul_agent_cancel. Requests block: background threads only. */
#ifndef TALLY_COMMON_CONSUL_CONSUL_AGENT_H
#define TALLY_COMMON_CONSUL_CONSUL_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/net/host_port.h"

struct consul_agent;

/* address: "host:port", token: "" for none; copied. Returns NULL when out of memory. */
struct consul_agent *consul_agent_create(const char *address, const char *token) MUST_CHECK;
/* NULL is fine. */
void consul_agent_free(struct consul_agent *agent);

/* The requests return 0, or -1 with error filled: no answer in time, or one that means nothing good. */

/* Writes the address of this end of a connection to the agent: others on the agent's side can reach this host at it.
 * IPv6 is without brackets. */
int consul_agent_own_host(struct consul_agent *agent, char out[HOST_SIZE], struct error *error) MUST_CHECK;
/* Registers a service, or changes it; json: consul_service_json. */
int consul_agent_register(struct consul_agent *agent, const char *json, struct error *error) MUST_CHECK;
/* Whether the agent has the service with this ID. */
int consul_agent_knows(struct consul_agent *agent, const char *id, bool *ret_is_known, struct error *error) MUST_CHECK;
int consul_agent_deregister(struct consul_agent *agent, const char *id, int timeout_ms, struct error *error) MUST_CHECK;
/* Instances of a service whose checks pass, as text for consul_reply_parse; replaces what is in ret_body. *index is
 * that of the last answer, or 0. If it is not 0, the agent waits for a change before it answers, for
 * CONSUL_AGENT_WAIT_MS or a bit longer. *index becomes the index to ask with next. */
int consul_agent_instances(struct consul_agent *agent, const char *service, uint64_t *index, struct buffer *ret_body,
                           struct error *error) MUST_CHECK;
enum { CONSUL_AGENT_WAIT_MS = 5 * 1000 }; /* short: an agent that has fallen silent is seen only after it */

/* After a request that failed: bounds for a struct backoff. */
enum { CONSUL_AGENT_RETRY_MIN_MS = 100, CONSUL_AGENT_RETRY_MAX_MS = 5000 };

/* Any thread: the request that runs, and each later one, ends at once with an error. */
void consul_agent_cancel(struct consul_agent *agent);

#endif
