/* Where counter-service is: the healthy instances that Consul names, followed from now on and handed to the channel
 * pool. The last good set is kept while Consul is gone, and when it names nobody: with no instance at all a wrong one
 * is no worse. Until Consul first answers the pool has the static host it was made with. */
#ifndef TALLY_GATEWAY_ENDPOINTS_H
#define TALLY_GATEWAY_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/compiler.h"
#include "common/config.h"
#include "common/error.h"
#include "gateway/channel_pool.h"

struct endpoints;

/* config and pool outlive it; consul.address is not "". Does not wait for Consul. Returns NULL with error filled. */
struct endpoints *endpoints_create(const struct config *config, struct channel_pool *pool, struct error *error)
    MUST_CHECK;
/* NULL is fine. */
void endpoints_free(struct endpoints *endpoints);

struct endpoints_description {
    const char *agent;       /* "host:port" */
    const char *service;     /* consul.service */
    bool is_up;              /* the last question was answered */
    struct error failure;    /* why it was not; "" if unknown yet */
    bool names_nobody;       /* its last answer was an empty set */
    int64_t last_success_us; /* realtime; 0: never */
    size_t instances;        /* in the last good set; 0: none yet */
};
/* Any thread. */
struct endpoints_description endpoints_describe(const struct endpoints *endpoints);

#endif
