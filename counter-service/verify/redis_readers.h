/* The Redis of the counters as counter-verify reads it: a reader for each partition, and one connection to each Redis
 * that has any, which its readers share. Owned by one thread. Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_REDIS_READERS_H
#define TALLY_COUNTER_SERVICE_VERIFY_REDIS_READERS_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/contract/store_id.h"
#include "counter-service/topology/topology.h"
#include "counter-service/verify/redis_reader.h"

struct redis_link {
    struct redis_address address;
    struct redis_conn *conn;
};

struct redis_readers {
    char store_id[STORE_ID_SIZE];
    int count;
    struct redis_reader *all; /* of each partition, from 0 */
    size_t link_count;
    struct redis_link *links; /* to each Redis */
    struct topology *topology;
};

/* Waits some seconds at most until it is known where the partitions are. Zero-initialised is ready for
 * redis_readers_close; config outlives the readers. A partition that moves later is looked for where it was, and not
 * found: then another run is needed. */
int redis_readers_open(struct redis_readers *readers, const struct config *config, struct error *error) MUST_CHECK;
void redis_readers_close(struct redis_readers *readers);

/* That of the partition that the resource is in. */
struct redis_reader *redis_readers_of(const struct redis_readers *readers, struct text resource_id);

#endif
