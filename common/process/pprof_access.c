#include "common/process/pprof_access.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/net/host_port.h"
#include "common/net/network.h"

bool pprof_access_allows(const struct config *config, const struct http_peer *peer)
{
    for (size_t i = 0; i < config->debug.allow_count; i++) {
        struct network network;
        if (network_parse(config->debug.allow[i], &network) == 0 && network_has(&network, peer->address)) {
            return true;
        }
    }
    return peer->is_loopback;
}

bool pprof_access_is_own_host(const char *host)
{
    char name[HOST_SIZE];
    if (host == NULL) {
        return true;
    }
    const bool has_brackets = host[0] == '[';
    const char *start = has_brackets ? host + 1 : host;
    const size_t len = strcspn(start, has_brackets ? "]" : ":");
    if (len >= sizeof(name)) {
        return false;
    }
    memcpy(name, start, len);
    name[len] = '\0';
    return strcasecmp(name, "localhost") == 0 || host_is_address(name);
}

/* RFC 7239, RFC 9110, and what proxies have always sent. */
bool pprof_access_was_forwarded(const struct http_request *request)
{
    static const char *const fields[] = {
        "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Client-Cert", "X-Real-IP",
        "Via"};
    bool was = false;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        was |= http_request_any_field(request, fields[i]) != NULL;
    }
    return was;
}

/* Fetch Metadata (https://www.w3.org/TR/fetch-metadata/): whether the browser says so of the request. */
static bool is_site(const struct http_request *request, const char *name)
{
    const char *site = http_request_any_field(request, "Sec-Fetch-Site");
    return site != NULL && strcasecmp(site, name) == 0;
}

/* A request to read from its own origin has no Origin, and what a person types into the address bar is of no site. */
bool pprof_access_is_of_another_page(const struct http_request *request)
{
    const bool has_site = http_request_any_field(request, "Sec-Fetch-Site") != NULL;
    return http_request_any_field(request, "Origin") != NULL ||
           (has_site && !is_site(request, "none") && !is_site(request, "same-origin")) ||
           !pprof_access_is_own_host(http_request_any_field(request, "Host"));
}

/* Profiles have no page of their own. */
static bool is_of_a_page(const struct http_request *request)
{
    return pprof_access_is_of_another_page(request) || is_site(request, "same-origin");
}

const char *pprof_access_refuses(const struct config *config, const struct http_request *request)
{
    const struct http_peer peer = http_request_peer(request);
    if (!pprof_access_allows(config, &peer)) {
        return "Profiles are for callers at a loopback address, and for those in debug.allow.";
    }
    if (pprof_access_was_forwarded(request)) {
        return "Profiles are not given through a proxy: its request says that it is one.";
    }
    return is_of_a_page(request) ? "Profiles are not given to web pages, nor under another name than localhost or an "
                                   "address."
                                 : NULL;
}
