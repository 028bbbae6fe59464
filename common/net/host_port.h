/* Network addresses as a person writes them: `redis.example.net:6379`, `10.0.0.7:6379`, `[::1]:6379`. Pure
 * functions. */
#ifndef TALLY_COMMON_NET_HOST_PORT_H
#define TALLY_COMMON_NET_HOST_PORT_H

#include <stdbool.h>

#include "common/base/compiler.h"

enum {
    HOST_SIZE = 256,                /* a DNS name (RFC 1035, section 2.3.4) and its NUL */
    HOST_PORT_SIZE = HOST_SIZE + 8, /* "[host]:65535" and its NUL */
};

struct host_port {
    char host[HOST_SIZE]; /* NUL-terminated; an IPv6 address without its brackets */
    int port;             /* 1 to 65535 */
};

/* Whether text is an IPv4 address, an IPv6 address without brackets, or has the characters of a host name. */
bool host_is_valid(const char *text);
/* Whether host is an IPv4 address, or an IPv6 address without brackets: it needs no look-up. */
bool host_is_address(const char *host);
/* Whether host means every address of a machine: "0.0.0.0" or "::". */
bool host_is_wildcard(const char *host);
/* Returns 0, or -1 if text is not a host and a port. */
int host_port_parse(const char *text, struct host_port *ret_address) MUST_CHECK;
/* Writes "host:port", NUL-terminated; an IPv6 address gets its brackets. host: shorter than HOST_SIZE. */
void host_port_write(const char *host, int port, char out[HOST_PORT_SIZE]);

#endif
