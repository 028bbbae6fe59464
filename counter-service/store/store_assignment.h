/* What the workers of a node serve: which Redis, and which partitions of the data are there. */
#ifndef TALLY_COUNTER_SERVICE_STORE_STORE_ASSIGNMENT_H
#define TALLY_COUNTER_SERVICE_STORE_STORE_ASSIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract/store_id.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_checks.h"

struct store_assignment {
    struct redis_address address;
    int partitions;               /* of the data */
    bool is_cluster;              /* the keys of the data as a whole may be elsewhere: each partition has a mark */
    char store_id[STORE_ID_SIZE]; /* what the marks must say; "" if it is no cluster */
    size_t count;                 /* partitions that are here; all of them, if it is no cluster */
    uint16_t numbers[REDIS_PARTITIONS_MAX];
};

#endif
