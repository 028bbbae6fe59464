/* The id of a store: STORE_ID_LEN lower-case hexadecimal digits, made at random when a Redis is first used. Instances
 * of counter-service that tell the same one share their counters. Pure. */
#ifndef TALLY_COMMON_CONTRACT_STORE_ID_H
#define TALLY_COMMON_CONTRACT_STORE_ID_H

#include <stdbool.h>

#include "common/base/text.h"
#include "common/contract/limits.h"

enum { STORE_ID_SIZE = STORE_ID_LEN + 1 };

/* The initial metadata of grpc.health.v1.Health/Watch in which counter-service tells its store. */
#define STORE_ID_METADATA "tally-store-id"

bool store_id_is_valid(struct text id);

#endif
