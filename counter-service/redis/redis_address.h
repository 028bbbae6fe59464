/* Where a Redis listens, as configuration and other Redises name it. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_ADDRESS_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/net/host_port.h"
#include "common/net/unix_path.h"

struct redis_address {
    char path[UNIX_PATH_SIZE]; /* of a Unix socket, NUL-terminated; "": it is over TCP */
    struct host_port tcp;      /* of no meaning where there is a path */
};

/* text: host:port or unix:/path. Returns 0, or -1 with error filled: a sentence. */
int redis_address_parse(const char *text, struct redis_address *ret_address, struct error *error) MUST_CHECK;
/* host: a name or an IP address without brackets; port: 1 to 65535. Returns 0, or -1 if they are not. */
int redis_address_of_tcp(struct text host, int64_t port, struct redis_address *ret_address) MUST_CHECK;
bool redis_address_equal(const struct redis_address *a, const struct redis_address *b);

/* For a log or a sentence: as configuration writes it. */
struct redis_address_text {
    char text[HOST_PORT_SIZE];
};
struct redis_address_text redis_address_write(const struct redis_address *address);

#endif
