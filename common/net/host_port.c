#include "common/net/host_port.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/base/decimal.h"

static bool is_ipv6(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* Letters, digits, `-`, `.`, and the `_` of container networks. */
static bool is_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    const size_t len = strlen(text);
    return len > 0 && len < HOST_SIZE && strspn(text, allowed) == len && text[0] != '-' && text[0] != '.';
}

bool host_is_valid(const char *text)
{
    return is_name(text) || is_ipv6(text);
}

bool host_is_address(const char *host)
{
    struct in_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || is_ipv6(host);
}

bool host_is_wildcard(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* Copies the host before the colon, without brackets. Only an address in brackets may have colons of its own. */
static int copy_host(const char *text, const char *colon, char host[HOST_SIZE])
{
    const bool bracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    const char *start = bracketed ? text + 1 : text;
    const size_t len = (size_t)((bracketed ? colon - 1 : colon) - start);
    if (len >= HOST_SIZE) {
        return -1;
    }
    memcpy(host, start, len);
    host[len] = '\0';
    return (bracketed ? is_ipv6(host) : is_name(host)) ? 0 : -1;
}

int host_port_parse(const char *text, struct host_port *ret_address)
{
    const char *colon = strrchr(text, ':');
    struct host_port address;
    int64_t port;
    if (colon == NULL || copy_host(text, colon, address.host) != 0 || !decimal_parse(text_of(colon + 1), &port) ||
        port < 1 || port > 65535) {
        return -1;
    }
    address.port = (int)port;
    *ret_address = address;
    return 0;
}

void host_port_write(const char *host, int port, char out[HOST_PORT_SIZE])
{
    const bool is_bracketed = strchr(host, ':') != NULL;
    snprintf(out, HOST_PORT_SIZE, is_bracketed ? "[%s]:%d" : "%s:%d", host, port);
}
