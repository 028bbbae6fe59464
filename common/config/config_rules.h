/* The rules that one key alone cannot break: between keys, and for keys whose feature is not in this version. Internal
 * to config*.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_RULES_H
#define TALLY_COMMON_CONFIG_CONFIG_RULES_H

#include "common/config/config.h"

/* Returns NULL, or the first broken rule: a static sentence that names its keys. */
const char *config_rules_broken(const struct config *config);

#endif
