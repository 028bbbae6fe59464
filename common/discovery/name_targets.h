/* Which instances the addresses of a name are. Pure.
 *
 * Each address of one family is an instance. Those of the other family are left out: a machine's addresses of both
 * families are the same instance, and a program that listens on 0.0.0.0 cannot be reached by IPv6. The family with more
 * addresses is taken, IPv4 if there are as many. A name with one address of each, as localhost often has, is one
 * instance under its name: gRPC tries both. */
#ifndef TALLY_COMMON_DISCOVERY_NAME_TARGETS_H
#define TALLY_COMMON_DISCOVERY_NAME_TARGETS_H

#include <netdb.h>

#include "common/discovery/target_set.h"
#include "common/net/host_port.h"

/* addresses: as getaddrinfo gives them for name->host. */
void name_targets_of(const struct host_port *name, const struct addrinfo *addresses, struct target_set *ret_set);

#endif
