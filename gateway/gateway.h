/* The gateway as a whole: the channel pool and the event loops, their start and their end. One thread creates, drains
 * and frees it. */
#ifndef TALLY_GATEWAY_GATEWAY_H
#define TALLY_GATEWAY_GATEWAY_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/thread/heartbeats.h"

struct gateway;

/* Connects to counter-service in the background, listens and serves. config outlives the gateway. NULL with error
 * filled. */
struct gateway *gateway_create(const struct config *config, struct error *error) MUST_CHECK;
/* The port it listens on. */
int gateway_port(const struct gateway *gateway);
/* Adds the loops' threads, until gateway_free. */
void gateway_watch(const struct gateway *gateway, struct heartbeats *heartbeats);
/* Shuts down in the order that fails no request, see ARCHITECTURE.md: returns when all is answered, at the latest half
 * a second after drain.delay and drain.timeout. */
void gateway_drain(struct gateway *gateway);
/* NULL is fine. */
void gateway_free(struct gateway *gateway);

#endif
