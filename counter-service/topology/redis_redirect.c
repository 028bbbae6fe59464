#include "counter-service/topology/redis_redirect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts_with(struct text text, struct text words)
{
    return text.len >= words.len && memcmp(text.data, words.data, words.len) == 0;
}

/* The text after the last blank: "host:port", "[::1]:port" or "::1:port", as Redis writes an IPv6 address, ":port". */
static int read_address(struct text error, struct redis_address *ret_address)
{
    char text[HOST_PORT_SIZE];
    const char *blank = memrchr(error.data, ' ', error.len);
    const struct text place = {blank + 1, (size_t)(error.data + error.len - (blank + 1))};
    const char *colon = memrchr(place.data, ':', place.len);
    if (colon == NULL || place.len >= sizeof(text)) {
        return -1;
    }
    memcpy(text, place.data, place.len);
    text[place.len] = '\0';
    char *port = text + (colon - place.data);
    *port++ = '\0';
    char *end;
    const unsigned long number = strtoul(port, &end, 10);
    if (*port < '0' || *port > '9' || end != text + place.len || number == 0 || number > 65535) {
        return -1;
    }
    char *host = text;
    const size_t host_len = strlen(host);
    if (host_len != (size_t)(colon - place.data)) {
        return -1;
    }
    if (host_len > 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host[host_len - 1] = '\0';
        host++;
    }
    const bool is_unknown = host[0] == '\0' || strcmp(host, "?") == 0;
    if (!is_unknown && !host_is_valid(host)) {
        return -1;
    }
    *ret_address = (struct redis_address){.tcp = {.port = (int)number}};
    if (!is_unknown) {
        snprintf(ret_address->tcp.host, sizeof(ret_address->tcp.host), "%.*s", HOST_SIZE - 1, host);
    }
    return 0;
}

struct redis_redirect redis_redirect_read(struct text error)
{
    struct redis_redirect redirect = {.kind = REDIS_REDIRECT_NONE};
    if (starts_with(error, TEXT("MOVED "))) {
        redirect.kind = REDIS_REDIRECT_MOVED;
    } else if (starts_with(error, TEXT("ASK "))) {
        redirect.kind = REDIS_REDIRECT_ASK;
    } else if (starts_with(error, TEXT("TRYAGAIN")) || starts_with(error, TEXT("CLUSTERDOWN"))) {
        redirect.kind = starts_with(error, TEXT("TRYAGAIN")) ? REDIS_REDIRECT_AGAIN : REDIS_REDIRECT_DOWN;
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
