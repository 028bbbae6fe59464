#include "counter-service/redis/redis_address.h"

#include <string.h>

int redis_address_parse(const char *text, struct redis_address *ret_address, struct error *error)
{
    if (host_port_parse(text, &ret_address->tcp) != 0) {
        error_set(error, "redis.addr is \"%s\": it must be host:port", text);
        return -1;
    }
    return 0;
}

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b)
{
    return a->tcp.port == b->tcp.port && strcmp(a->tcp.host, b->tcp.host) == 0;
}

struct redis_address_text redis_address_write(const struct redis_address *address)
{
    struct redis_address_text out;
    host_port_write(address->tcp.host, address->tcp.port, out.text);
    return out;
}
