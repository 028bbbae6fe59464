/* Overrides from the environment: TALLY_REDIS_ADDR for redis.addr. Internal to config*.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_ENV_H
#define TALLY_COMMON_CONFIG_CONFIG_ENV_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"

/* environment: a NULL-terminated list of NAME=value, or NULL as clearenv() leaves it. Returns 0, or -1 with error
 * filled: a value that breaks its key's rule, or a TALLY_ variable that belongs to no key, since a typing error must
 * not pass silently. The variables of a link (config_link.h) are passed over instead: config->passed_over names
 * them. */
int config_env_apply(struct config *config, char *const *environment, struct error *error) MUST_CHECK;

#endif
