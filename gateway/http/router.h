/* Which route a request takes: by method and path together, so that `GET /api/v1/counter/batch` lists the resource
 * "batch" while `POST /api/v1/counter/batch` is the batch read. The path is split at its slashes as it was sent; an
 * encoded slash belongs to its segment. Pure functions. */
#ifndef TALLY_GATEWAY_HTTP_ROUTER_H
#define TALLY_GATEWAY_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"
#include "common/http/http_server.h"

enum { ROUTE_PARAMETERS_MAX = 2 };

struct request_state;

/* What a route does with a body. */
enum route_body {
    ROUTE_NO_BODY,    /* not looked at */
    ROUTE_BODY,       /* application/json, at most server.max_body */
    ROUTE_BATCH_BODY, /* application/json, at most HTTP_BATCH_BODY_MAX */
};

struct route {
    enum http_method method; /* HTTP_GET takes HEAD too */
    const char *pattern;     /* "/api/v1/counter/{resource_id}": a {parameter} is one segment, not empty */
    enum route_body body;
    bool is_write; /* its problems tell the outcome */
    void (*handle)(struct request_state *state);
};

struct route_match {
    const struct route *route;                    /* NULL: no route takes this method and path */
    struct text parameters[ROUTE_PARAMETERS_MAX]; /* in the pattern's order; still percent-encoded */
};

/* The first route that fits. */
struct route_match router_match(const struct route *routes, size_t count, enum http_method method, struct text path);

/* The value of an Allow header: the methods that path takes ("GET, HEAD, POST, OPTIONS"). NULL if no route has that
 * path. */
const char *router_allow(const struct route *routes, size_t count, struct text path);

#endif
