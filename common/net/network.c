#include "common/net/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/base/decimal.h"
#include "common/base/text.h"

enum { BITS_A_BYTE = 8 };

static int length_of(int family)
{
    return family == AF_INET ? 4 * BITS_A_BYTE : 16 * BITS_A_BYTE;
}

/* An IPv4 address in IPv6 (RFC 4291, section 2.5.5.2): it is to be written as what it is. */
static bool is_mapped(const struct network *network)
{
    struct in6_addr address;
    memcpy(&address, network->address, sizeof(address));
    return network->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address);
}

static int parse_address(const char *text, struct network *ret_network)
{
    for (size_t i = 0; i < 2; i++) {
        const int family = i == 0 ? AF_INET : AF_INET6;
        *ret_network = (struct network){.family = family};
        if (inet_pton(family, text, ret_network->address) == 1 && !is_mapped(ret_network)) {
            ret_network->prefix_len = length_of(family);
            return 0;
        }
    }
    return -1;
}

static bool bit_at(const struct network *network, int i)
{
    return (network->address[i / BITS_A_BYTE] >> (BITS_A_BYTE - 1 - i % BITS_A_BYTE) & 1) != 0;
}

static bool ends_with_zeros(const struct network *network)
{
    for (int i = network->prefix_len; i < length_of(network->family); i++) {
        if (bit_at(network, i)) {
            return false;
        }
    }
    return true;
}

int network_parse(const char *text, struct network *ret_network)
{
    char address[INET6_ADDRSTRLEN];
    struct text rest = text_of(text);
    int64_t prefix_len;
    const struct text head = text_cut(&rest, '/');
    if (head.len >= sizeof(address)) {
        return -1;
    }
    memcpy(address, head.data, head.len);
    address[head.len] = '\0';
    if (parse_address(address, ret_network) != 0) {
        return -1;
    }
    if (head.len == strlen(text)) {
        return 0;
    }
    if (!decimal_parse(rest, &prefix_len) || prefix_len < 0 || prefix_len > ret_network->prefix_len) {
        return -1;
    }
    ret_network->prefix_len = (int)prefix_len;
    return ends_with_zeros(ret_network) ? 0 : -1;
}

bool network_has(const struct network *network, const char *address)
{
    struct network one;
    if (parse_address(address, &one) != 0 || one.family != network->family) {
        return false;
    }
    for (int i = 0; i < network->prefix_len; i++) {
        if (bit_at(network, i) != bit_at(&one, i)) {
            return false;
        }
    }
    return true;
}
