/* The header fields of a request that mean something to the gateway: http_application.wanted_fields. Pure. */
#ifndef TALLY_GATEWAY_HTTP_REQUEST_FIELDS_H
#define TALLY_GATEWAY_HTTP_REQUEST_FIELDS_H

#include <stdbool.h>

#include "common/base/text.h"
#include "common/http/http_server.h"

/* For http_request_field. */
enum request_field {
    FIELD_CONTENT_TYPE,
    FIELD_CONTENT_ENCODING,
    FIELD_IDEMPOTENCY_KEY,
    FIELD_REQUEST_ID,
    FIELD_ORIGIN,
    FIELD_REQUESTED_METHOD, /* Access-Control-Request-Method: with OPTIONS, a preflight */
    FIELD_CACHE_CONTROL,
    FIELD_PRAGMA,
    FIELD_AUTHORIZATION, /* only whether there is one */
    FIELD_TRACEPARENT,
    FIELD_TRACESTATE,
    REQUEST_FIELDS
};

extern const struct http_wanted_field request_fields[REQUEST_FIELDS];

/* For http_application.is_notable: X-Idempotency-Key, IdempotencyKey, Idempotent-Key and their like. Who sends such a
 * field relies on it, but it is not the key. */
bool request_field_is_misnamed_key(struct text name);

#endif
