#include "counter-service/redis/redis_address.h"

#include <stdio.h>
#include <string.h>

int redis_address_parse(const char *text, struct redis_address *ret_address, struct error *error)
{
    struct redis_address address = {.path = ""};
    const char *path = unix_path_of(text);
    if (path != NULL) {
        snprintf(address.path, sizeof(address.path), "%s", path);
    } else if (host_port_parse(text, &address.tcp) != 0) {
        error_set(error, "redis.addr has \"%s\": it must be host:port or unix:/path", text);
        return -1;
    }
    *ret_address = address;
    return 0;
}

int redis_address_of_tcp(struct text host, int64_t port, struct redis_address *ret_address)
{
    struct redis_address address = {.path = ""};
    if (host.len == 0 || host.len >= sizeof(address.tcp.host) || memchr(host.data, '\0', host.len) != NULL ||
        port < 1 || port > 65535) {
        return -1;
    }
    memcpy(address.tcp.host, host.data, host.len);
    address.tcp.port = (int)port;
    if (!host_is_valid(address.tcp.host)) {
        return -1;
    }
    *ret_address = address;
    return 0;
}

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b)
{
    if (a->path[0] != '\0' || b->path[0] != '\0') {
        return strcmp(a->path, b->path) == 0;
    }
    return a->tcp.port == b->tcp.port && strcmp(a->tcp.host, b->tcp.host) == 0;
}

struct redis_address_text redis_address_write(const struct redis_address *address)
{
    struct redis_address_text out = {.text = ""};
    if (address->path[0] != '\0') {
        snprintf(out.text, sizeof(out.text), "unix:%s", address->path);
    } else {
        host_port_write(address->tcp.host, address->tcp.port, out.text);
    }
    return out;
}
