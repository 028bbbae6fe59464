/* Sets of IP addresses as a person writes them: `10.0.0.0/8`, `2001:db8::/32` (RFC 4632, RFC 4291), or one address.
 * Pure functions. */
#ifndef TALLY_COMMON_NET_NETWORK_H
#define TALLY_COMMON_NET_NETWORK_H

#include <stdbool.h>

#include "common/base/compiler.h"

struct network {
    int family;                /* AF_INET or AF_INET6 */
    unsigned char address[16]; /* network byte order; AF_INET: the first 4 */
    int prefix_len;            /* bits */
};

/* Returns 0, or -1 if text is none, or has bits set behind its prefix. */
int network_parse(const char *text, struct network *ret_network) MUST_CHECK;
/* address: as inet_ntop(3) writes it. */
bool network_has(const struct network *network, const char *address);

#endif
