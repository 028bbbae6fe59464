/* Follows the healthy instances of a service in Consul, with blocking queries
 * (https://developer.hashicorp.com/consul/api-docs/features/blocking), on a thread of its own. One thread creates and
 * frees; the questions may be asked from every thread. */
#ifndef TALLY_COMMON_CONSUL_CONSUL_WATCH_H
#define TALLY_COMMON_CONSUL_CONSUL_WATCH_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/discovery/discovery_state.h"
#include "common/discovery/target_set.h"

struct consul_watch;

/* address: "host:port" of the agent; token: "" for none; all strings are copied. The agent need not be there: it is
 * asked again with jittered waits up to 5 s. on_instances: called with each answer of the agent, which may well say
 * what the one before said, or name nobody; never when the agent is gone or answers nonsense: the last set stays the
 * last set. If it blocks, consul_watch_free waits for it. Returns NULL with error filled when out of memory or threads.
 */
struct consul_watch *consul_watch_create(const char *address, const char *token, const char *service,
                                         target_set_handler on_instances, void *ctx, struct error *error) MUST_CHECK;
/* Cancels a running query and joins the thread: afterwards on_instances is not called. NULL is fine. */
void consul_watch_free(struct consul_watch *watch);

/* How its questions went. With no change an answer comes every 5 s. */
void consul_watch_describe(struct consul_watch *watch, struct discovery_description *ret_description);

#endif
