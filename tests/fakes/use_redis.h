/* redis.addr of a configuration that a test has loaded. */
#ifndef TALLY_TESTS_FAKES_USE_REDIS_H
#define TALLY_TESTS_FAKES_USE_REDIS_H

#include <stdlib.h>
#include <string.h>

#include "common/config/config.h"

/* address: instead of the first one. */
static inline void use_redis(struct config *config, const char *address)
{
    free(config->redis.addrs[0]);
    config->redis.addrs[0] = strdup(address);
    if (config->redis.addrs[0] == NULL) {
        abort();
    }
}

#endif
