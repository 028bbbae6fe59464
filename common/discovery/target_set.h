/* A set of "host:port": the instances of a service as Consul or a name tells them. Pure. */
#ifndef TALLY_COMMON_DISCOVERY_TARGET_SET_H
#define TALLY_COMMON_DISCOVERY_TARGET_SET_H

#include <stddef.h>

#include "common/contract/limits.h"
#include "common/net/host_port.h"

/* Large: not for the stack of a small thread. Zero-initialised is empty. */
struct target_set {
    char targets[INSTANCES_MAX][HOST_PORT_SIZE]; /* sorted, no two alike: equal sets give equal lists */
    size_t count;
    size_t cut; /* those that are not there because of INSTANCES_MAX: the last in order */
};

/* Takes a set that was found. Runs on the thread that found it, and may block. set: valid during the call. */
typedef void (*target_set_handler)(void *ctx, const struct target_set *set);

/* host: shorter than HOST_SIZE. */
void target_set_add(struct target_set *set, const char *host, int port);
/* Writes set->count strings, which are the set's. */
void target_set_list(const struct target_set *set, const char *ret_targets[INSTANCES_MAX]);

#endif
