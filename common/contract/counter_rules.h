/* The rules of the values that a caller may send: proto/tally/v1/counter.proto says them in words. Pure functions.
 * Each returns NULL if the value is fine, else a static sentence that names the field and the rule it broke:
 * "resource_id must be 1-256 bytes". */
#ifndef TALLY_COMMON_CONTRACT_COUNTER_RULES_H
#define TALLY_COMMON_CONTRACT_COUNTER_RULES_H

#include "common/base/text.h"

const char *counter_rules_resource_id(struct text resource_id);
const char *counter_rules_counter_type(struct text counter_type);
/* Empty is fine: no user. */
const char *counter_rules_user_id(struct text user_id);
/* Empty is not fine: call it only for a key that is there. */
const char *counter_rules_idempotency_key(struct text key);

#endif
