/* Overrides from the environment: TALLY_REDIS_ADDR for redis.addr. Internal to config*.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_ENV_H
#define TALLY_COMMON_CONFIG_CONFIG_ENV_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"

/* environment: a NULL-terminated list of NAME=value, or NULL as clearenv() leaves it. Returns 0, or -1 with error
 * filled: a value that breaks its key's rule, or a TALLY_ variable that is no key's (a typing error must not pass
 * silently) and no link's, which are passed over (config_link.h): config->passed_over names those. */
int config_env_apply(struct config *config, char *const *environment, struct error *error) MUST_CHECK;

#endif
