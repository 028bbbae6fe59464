/* Follows the healthy instances of a service in Consul, with blocking queries
 * (https://developer.hashicorp.com/consul/api-docs/features/blocking), on a thread of its own. One thread creates and
 * frees; the questions may be asked from every thread. */
#ifndef TALLY_COMMON_CONSUL_WATCH_H
#define TALLY_COMMON_CONSUL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/compiler.h"
#include "common/error.h"

struct consul_watch;

/* Called on the watch's thread with each answer of the agent, which may well say what the one before said. targets:
 * "host:port", sorted, no two alike, INSTANCES_MAX at most; valid during the call. count may be 0. Never called
 * when the agent is gone or answers nonsense: the last set stays the last set. It may block, but then
 * consul_watch_free waits for it. */
typedef void (*consul_instances_handler)(void *ctx, const char *const *targets, size_t count);

/* address: "host:port" of the agent; token: "" for none; all strings are copied. The agent need not be there: it is
 * asked again with jittered waits up to 5 s. Returns NULL with error filled when out of memory or threads. */
struct consul_watch *consul_watch_create(const char *address, const char *token, const char *service,
                                         consul_instances_handler on_instances, void *ctx, struct error *error)
    MUST_CHECK;
/* Ends a query that runs at once and joins the thread: afterwards on_instances is not called. NULL is fine. */
void consul_watch_free(struct consul_watch *watch);

/* Whether the last query succeeded; false before the first answer. */
bool consul_watch_is_up(const struct consul_watch *watch);
/* Why the last query failed, in the agent's words where it said some; "" if it succeeded, or none has ended yet. */
void consul_watch_read_failure(struct consul_watch *watch, struct error *ret_failure);
/* When the last good answer came, microseconds since 1970; 0: never. With no change it comes every 5 s. */
int64_t consul_watch_last_success_us(const struct consul_watch *watch);

#endif
