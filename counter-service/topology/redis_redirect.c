#include "counter-service/topology/redis_redirect.h"

#include <stdint.h>
#include <string.h>

#include "common/base/decimal.h"

/* The text after the last blank: "host:port", "[::1]:port" or "::1:port", as Redis writes an IPv6 address, ":port". Not
 * "?:port", of a node whose name nobody knows: CLUSTER SLOTS tells more. */
static int read_address(struct text error, struct redis_address *ret_address)
{
    uint64_t port;
    const char *blank = memrchr(error.data, ' ', error.len);
    const struct text place = {blank + 1, (size_t)(error.data + error.len - (blank + 1))};
    const char *colon = memrchr(place.data, ':', place.len);
    if (colon == NULL) {
        return -1;
    }
    struct text host = {place.data, (size_t)(colon - place.data)};
    const struct text digits = {colon + 1, place.len - host.len - 1};
    if (!decimal_parse_unsigned(digits, UINT16_MAX, &port)) {
        return -1;
    }
    if (host.len == 0) {
        *ret_address = (struct redis_address){.tcp.port = (int)port};
        return port > 0 ? 0 : -1;
    }
    if (text_starts_with(host, TEXT("[")) && text_ends_with(host, TEXT("]"))) {
        host = (struct text){host.data + 1, host.len - 2};
    }
    return redis_address_of_tcp(host, (int64_t)port, ret_address);
}

struct redis_redirect redis_redirect_read(struct text error)
{
    struct redis_redirect redirect = {.kind = REDIS_REDIRECT_NONE};
    if (text_starts_with(error, TEXT("MOVED "))) {
        redirect.kind = REDIS_REDIRECT_MOVED;
    } else if (text_starts_with(error, TEXT("ASK "))) {
        redirect.kind = REDIS_REDIRECT_ASK;
    } else if (text_starts_with(error, TEXT("TRYAGAIN")) || text_starts_with(error, TEXT("CLUSTERDOWN"))) {
        redirect.kind = text_starts_with(error, TEXT("TRYAGAIN")) ? REDIS_REDIRECT_AGAIN : REDIS_REDIRECT_DOWN;
        return redirect;
    } else {
        return redirect;
    }
    if (read_address(error, &redirect.address) != 0) {
        redirect.kind = REDIS_REDIRECT_AGAIN;
    }
    return redirect;
}

bool redis_redirect_is_elsewhere(struct text error)
{
    const enum redis_redirect_kind kind = redis_redirect_read(error).kind;
    return kind != REDIS_REDIRECT_NONE && kind != REDIS_REDIRECT_DOWN;
}
