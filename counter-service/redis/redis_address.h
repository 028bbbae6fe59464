/* Where a Redis listens, as configuration and other Redises name it. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_ADDRESS_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_ADDRESS_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/net/host_port.h"

struct redis_address {
    struct host_port tcp;
};

/* text: host:port. Returns 0, or -1 with error filled: a sentence. */
int redis_address_parse(const char *text, struct redis_address *ret_address, struct error *error) MUST_CHECK;
bool redis_address_equal(const struct redis_address *a, const struct redis_address *b);

/* For a log or a sentence. */
struct redis_address_text {
    char text[HOST_PORT_SIZE];
};
struct redis_address_text redis_address_write(const struct redis_address *address);

#endif
