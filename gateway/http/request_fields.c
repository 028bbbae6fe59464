#include "gateway/http/request_fields.h"

#include <strings.h>

#define NAME(literal) \
    { \
        literal, sizeof(literal) - 1 \
    }

const struct http_wanted_field request_fields[REQUEST_FIELDS] = {
    /* These two have one value: a request that repeats one is malformed. */
    [FIELD_CONTENT_TYPE] = {NAME("Content-Type"), "Content-Type must not be repeated"},
    [FIELD_CONTENT_ENCODING] = {NAME("Content-Encoding"), "Content-Encoding must not be repeated"},
    [FIELD_IDEMPOTENCY_KEY] = {NAME("Idempotency-Key"), NULL},
    [FIELD_REQUEST_ID] = {NAME("X-Request-Id"), NULL},
    [FIELD_ORIGIN] = {NAME("Origin"), NULL},
    [FIELD_REQUESTED_METHOD] = {NAME("Access-Control-Request-Method"), NULL},
    [FIELD_CACHE_CONTROL] = {NAME("Cache-Control"), NULL},
    [FIELD_PRAGMA] = {NAME("Pragma"), NULL},
    [FIELD_AUTHORIZATION] = {NAME("Authorization"), NULL},
    [FIELD_TRACEPARENT] = {NAME("traceparent"), NULL},
    [FIELD_TRACESTATE] = {NAME("tracestate"), NULL},
};

_Static_assert((int)REQUEST_FIELDS <= (int)HTTP_WANTED_FIELDS_MAX, "a request has a place for each");

bool request_field_is_misnamed_key(struct text name)
{
    static const struct text stem = {"idempoten", sizeof("idempoten") - 1};
    for (size_t i = 0; i + stem.len <= name.len; i++) {
        /* The first byte is looked at before the library is asked: every field that is not wanted comes here. */
        if ((name.data[i] | 0x20) == stem.data[0] && strncasecmp(name.data + i, stem.data, stem.len) == 0) {
            return true;
        }
    }
    return false;
}
