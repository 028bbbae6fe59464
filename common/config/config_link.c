#include "common/config/config_link.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/environment.h"
#include "common/net/host_port.h"

enum { PORT_MAX = 65535 };

static const struct protocol {
    const char *scheme;
    const char *name; /* in a variable's name */
} protocols[] = {{"tcp", "TCP"}, {"udp", "UDP"}, {"sctp", "SCTP"}};

enum { PROTOCOL_COUNT = sizeof(protocols) / sizeof(protocols[0]) };

/* --- values ------------------------------------------------------------------------------------------------------- */

/* 1 to 65535 at the start of text; 0 when there is none. ret_rest: what follows. */
static int leading_port(const char *text, const char **ret_rest)
{
    int port = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9' && port <= PORT_MAX; c++) {
        port = port * 10 + (*c - '0');
    }
    *ret_rest = c;
    return port <= PORT_MAX ? port : 0;
}

/* 0: value is not a port. */
static int port_of(const char *value)
{
    const char *rest;
    const int port = leading_port(value, &rest);
    return *rest == '\0' ? port : 0;
}

static bool is_port(const char *value)
{
    return port_of(value) != 0;
}

static bool is_ip(const char *value)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, value, address) == 1 || inet_pton(AF_INET6, value, address) == 1;
}

static bool is_scheme(const char *value)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        if (strcmp(value, protocols[i].scheme) == 0) {
            return true;
        }
    }
    return false;
}

/* tcp://10.0.0.1:80 */
static bool parse_url(const char *value, struct host_port *ret_address)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        const size_t len = strlen(protocols[i].scheme);
        if (strncmp(value, protocols[i].scheme, len) == 0 && strncmp(value + len, "://", 3) == 0) {
            struct host_port address;
            if (host_port_parse(value + len + 3, &address) != 0 || !is_ip(address.host)) {
                return false;
            }
            *ret_address = address;
            return true;
        }
    }
    return false;
}

static bool is_url(const char *value)
{
    struct host_port address;
    return parse_url(value, &address);
}

/* /web/db, as Docker has it: this container, and its name for the linked one. */
static bool is_container(const char *value)
{
    return value[0] == '/' && strchr(value + 1, '/') != NULL;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

struct name {
    const char *text; /* not NUL-terminated */
    size_t len;
};

/* Whether name ends with suffix, with at least one character before. ret_service_len: how many are before. */
static bool ends_with(struct name name, const char *suffix, size_t *ret_service_len)
{
    const size_t len = strlen(suffix);
    if (name.len <= len || memcmp(name.text + name.len - len, suffix, len) != 0) {
        return false;
    }
    *ret_service_len = name.len - len;
    return true;
}

/* The first place of infix from `from` on, with at least one character behind it; NULL: none. */
static const char *find_in(struct name name, const char *from, const char *infix)
{
    const size_t left = name.len - (size_t)(from - name.text);
    const char *place = memmem(from, left, infix, strlen(infix));
    return place != NULL && (size_t)(place - name.text) + strlen(infix) < name.len ? place : NULL;
}

/* What may follow X_PORT_80_TCP, and what is its value then. */
static const struct {
    const char *suffix;
    bool (*is_value)(const char *value);
} port_parts[] = {
    {"", is_url},       {"_PROTO", is_scheme}, {"_PORT", is_port},       {"_ADDR", is_ip},
    {"_START", is_url}, {"_END", is_url},      {"_PORT_START", is_port}, {"_PORT_END", is_port},
};

/* rest: what follows X_PORT_, to the end of the name. */
static bool is_port_part(struct name rest, const char *value)
{
    const char *after;
    if (leading_port(rest.text, &after) == 0 || *after != '_') {
        return false;
    }
    after++;
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        const size_t len = strlen(protocols[i].name);
        for (size_t k = 0; k < sizeof(port_parts) / sizeof(port_parts[0]); k++) {
            const size_t suffix_len = strlen(port_parts[k].suffix);
            if (after + len + suffix_len == rest.text + rest.len && memcmp(after, protocols[i].name, len) == 0 &&
                memcmp(after + len, port_parts[k].suffix, suffix_len) == 0) {
                return port_parts[k].is_value(value);
            }
        }
    }
    return false;
}

/* X_PORT_80_TCP and its parts. A service's own name may hold _PORT_ as well. */
static bool is_port_variable(struct name name, const char *value)
{
    static const char infix[] = "_PORT_";
    for (const char *at = name.text; (at = find_in(name, at, infix)) != NULL; at++) {
        const char *rest = at + strlen(infix);
        if (is_port_part((struct name){rest, name.len - (size_t)(rest - name.text)}, value)) {
            return true;
        }
    }
    return false;
}

/* X_ENV_anything=anything, beside X_NAME. */
static bool is_docker_copy(char *const *environment, struct name name)
{
    for (const char *at = name.text; (at = find_in(name, at, "_ENV_")) != NULL; at++) {
        const char *container = environment_find(environment, name.text, (size_t)(at - name.text), "_NAME");
        if (container != NULL && is_container(container)) {
            return true;
        }
    }
    return false;
}

/* --- both --------------------------------------------------------------------------------------------------------- */

/* Whether X_PORT says the same as this X_SERVICE_HOST or X_SERVICE_PORT. */
static bool is_of_a_set(char *const *environment, struct name name, const char *value)
{
    size_t service_len;
    const bool is_host = ends_with(name, "_SERVICE_HOST", &service_len);
    if (!is_host && !ends_with(name, "_SERVICE_PORT", &service_len)) {
        return false;
    }
    const char *url = environment_find(environment, name.text, service_len, "_PORT");
    struct host_port address;
    if (url == NULL || !parse_url(url, &address)) {
        return false;
    }
    return is_host ? strcmp(value, address.host) == 0 : port_of(value) == address.port;
}

static bool has_form(char *const *environment, struct name name, const char *value)
{
    size_t service_len;
    return (ends_with(name, "_SERVICE_HOST", &service_len) && is_ip(value)) ||
           (ends_with(name, "_SERVICE_PORT", &service_len) && is_port(value)) ||
           (find_in(name, name.text, "_SERVICE_PORT_") != NULL && is_port(value)) || is_port_variable(name, value) ||
           (ends_with(name, "_NAME", &service_len) && is_container(value)) || is_docker_copy(environment, name);
}

bool config_link_sets(char *const *environment, const char *variable, bool is_key)
{
    const struct name name = {variable, strcspn(variable, "=")};
    const char *value = variable[name.len] == '=' ? variable + name.len + 1 : "";
    size_t service_len;
    if (ends_with(name, "_PORT", &service_len) && is_url(value)) {
        return true;
    }
    return is_key ? is_of_a_set(environment, name, value) : has_form(environment, name, value);
}
