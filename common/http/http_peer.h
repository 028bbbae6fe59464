/* Who is at the other end of a connection. Pure. */
#ifndef TALLY_COMMON_HTTP_HTTP_PEER_H
#define TALLY_COMMON_HTTP_HTTP_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

enum { HTTP_PEER_ADDRESS_SIZE = INET6_ADDRSTRLEN };

struct http_peer {
    char address[HTTP_PEER_ADDRESS_SIZE]; /* "192.0.2.7", "2001:db8::7": no port, no brackets; "": not known */
    bool is_loopback;                     /* the connection came from this machine: 127.0.0.0/8 or ::1 */
};

/* An IPv4 address in IPv6 (RFC 4291, section 2.5.5.2), as a socket that listens on both has it, is the IPv4 address.
 * address: NULL, or of a family other than the two, is not known. */
struct http_peer http_peer_of(const struct sockaddr *address);

#endif
