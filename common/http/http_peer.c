#include "common/http/http_peer.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

/* Network byte order. */
static struct http_peer peer_of_ipv4(struct in_addr address)
{
    struct http_peer peer = {.is_loopback = ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET};
    inet_ntop(AF_INET, &address, peer.address, sizeof(peer.address));
    return peer;
}

static struct http_peer peer_of_ipv6(const struct in6_addr *address)
{
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        struct in_addr mapped;
        memcpy(&mapped, address->s6_addr + sizeof(*address) - sizeof(mapped), sizeof(mapped));
        return peer_of_ipv4(mapped);
    }
    struct http_peer peer = {.is_loopback = IN6_IS_ADDR_LOOPBACK(address)};
    inet_ntop(AF_INET6, address, peer.address, sizeof(peer.address));
    return peer;
}

struct http_peer http_peer_of(const struct sockaddr *address)
{
    if (address != NULL && address->sa_family == AF_INET) {
        return peer_of_ipv4(((const struct sockaddr_in *)(const void *)address)->sin_addr);
    }
    if (address != NULL && address->sa_family == AF_INET6) {
        return peer_of_ipv6(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    }
    return (struct http_peer){0};
}
