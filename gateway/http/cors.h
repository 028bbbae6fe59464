/* Which pages may call from a browser (Fetch standard, CORS protocol): what server.cors_origins says. Pure. */
#ifndef TALLY_GATEWAY_HTTP_CORS_H
#define TALLY_GATEWAY_HTTP_CORS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

struct cors {
    char *const *origins; /* the configuration's: "https://shop.example", or "*" for all */
    size_t count;         /* 0: off */
};

/* What answers say to everybody about it. */
#define CORS_EXPOSED_HEADERS "Age, Idempotent-Replayed, Retry-After, X-Request-Id"
#define CORS_ALLOWED_HEADERS "Cache-Control, Content-Type, Idempotency-Key, X-Request-Id, traceparent, tracestate"
/* Seconds for which a browser need not ask again. */
#define CORS_MAX_AGE "600"

/* The value of Access-Control-Allow-Origin for a request with this Origin (.data NULL: without one); NULL if the page
 * may not call. Where all may, each answer says so, as a cache gives the same one to pages and to others. Lives as long
 * as the configuration. */
const char *cors_allowed_origin(const struct cors *cors, struct text origin);
/* Whether answers differ by Origin. */
bool cors_varies(const struct cors *cors);

#endif
