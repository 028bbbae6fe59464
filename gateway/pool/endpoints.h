/* Where counter-service is: the instances that a source names, followed from now on and handed to the channel pool.
 *
 *     consul_watch: those that Consul finds healthy ─────────┐
 *     name_watch: addresses of grpc.counter_service.host ────┴──> channel_pool_set_targets
 *         until Consul has named some
 *
 * The last set that was not empty is kept while its source is gone, and when the source names nobody: an instance that
 * is gone is no worse than none. */
#ifndef TALLY_GATEWAY_POOL_ENDPOINTS_H
#define TALLY_GATEWAY_POOL_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/discovery/discovery_state.h"
#include "common/discovery/target_set.h"
#include "gateway/pool/channel_pool.h"

struct endpoints;

/* The instances to start with: grpc.counter_service.host if that is an address, or those of the name. Waits for the
 * resolver for a second at most; empty when the name is not known by then. */
void endpoints_to_start_with(const struct config *config, struct target_set *ret_set);

/* config and pool outlive it. Waits for no source. *ret_endpoints is NULL where there is nothing to follow: no Consul,
 * and an address for a name. Returns 0, or -1 with error filled. */
int endpoints_create(const struct config *config, struct channel_pool *pool, struct endpoints **ret_endpoints,
                     struct error *error) MUST_CHECK;
/* NULL is fine. */
void endpoints_free(struct endpoints *endpoints);

/* What a source is and says. */
struct endpoints_source {
    bool is_followed;
    const char *from;                       /* whom it asks: Consul's agent, or the name; "host:port" */
    size_t instances;                       /* in its last good set; 0: none yet */
    bool names_nobody;                      /* its last answer was an empty set */
    struct discovery_description questions; /* how they went */
};

struct endpoints_description {
    const char *service; /* consul.service */
    struct endpoints_source consul;
    struct endpoints_source name;
};
/* Any thread. */
void endpoints_describe(struct endpoints *endpoints, struct endpoints_description *ret_description);

#endif
