/* Paths from the network: the router against a plain restatement of its rule, split at slashes, then compare the
 * decoded segments. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/percent.h"
#include "gateway/http/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEGMENTS_MAX = 8 };

static const struct route routes[] = {
    {.method = HTTP_POST, .pattern = "/api/v1/counter/increment"},
    {.method = HTTP_POST, .pattern = "/api/v1/counter/increment/batch"},
    {.method = HTTP_POST, .pattern = "/api/v1/counter/batch"},
    {.method = HTTP_GET, .pattern = "/api/v1/counter/{resource_id}/{counter_type}"},
    {.method = HTTP_GET, .pattern = "/api/v1/counter/{resource_id}"},
    {.method = HTTP_GET, .pattern = "/health"},
    {.method = HTTP_GET, .pattern = "/health/live"},
};

enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };

/* The segments behind each slash; SEGMENTS_MAX + 1 if there are more, or if it does not start with a slash. */
static size_t split(struct text path, struct text segments[SEGMENTS_MAX])
{
    size_t count = 0;
    size_t at = 0;
    while (at < path.len && path.data[at] == '/') {
        if (count == SEGMENTS_MAX) {
            return SEGMENTS_MAX + 1;
        }
        const size_t start = ++at;
        while (at < path.len && path.data[at] != '/') {
            at++;
        }
        segments[count++] = (struct text){path.data + start, at - start};
    }
    return at == path.len && path.len > 0 ? count : SEGMENTS_MAX + 1;
}

static bool segment_fits(struct text pattern, struct text segment)
{
    assert(pattern.data != NULL);
    if (pattern.data[0] == '{') {
        return segment.len > 0;
    }
    char *decoded = malloc(segment.len + 1);
    size_t len = 0;
    assert(decoded != NULL);
    const bool fits = percent_decode(segment, decoded, &len) == 0 && text_equal(pattern, (struct text){decoded, len});
    free(decoded);
    return fits;
}

static bool route_fits(const struct route *route, struct text path)
{
    struct text pattern[SEGMENTS_MAX] = {{0}};
    struct text segments[SEGMENTS_MAX] = {{0}};
    const size_t count = split(text_of(route->pattern), pattern);
    if (split(path, segments) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!segment_fits(pattern[i], segments[i])) {
            return false;
        }
    }
    return true;
}

static const struct route *expected_route(enum http_method method, struct text path)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        const bool takes_method = routes[i].method == method || (method == HTTP_HEAD && routes[i].method == HTTP_GET);
        if (takes_method && route_fits(&routes[i], path)) {
            return &routes[i];
        }
    }
    return NULL;
}

static void check_parameters(const struct route_match *match, struct text path)
{
    struct text segments[SEGMENTS_MAX];
    const size_t count = split(path, segments);
    if (match->route == &routes[3] || match->route == &routes[4]) {
        for (size_t i = 3; i < count; i++) {
            assert(text_equal(match->parameters[i - 3], segments[i]));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert(copy != NULL);
    memcpy(copy, data, size);
    const struct text path = {copy, size};
    bool fits_some = false;
    for (enum http_method method = HTTP_GET; method <= HTTP_OTHER_METHOD; method++) {
        const struct route_match match = router_match(routes, ROUTE_COUNT, method, path);
        assert(match.route == expected_route(method, path));
        if (match.route != NULL) {
            check_parameters(&match, path);
            fits_some = true;
        }
    }
    assert((router_allow(routes, ROUTE_COUNT, path) != NULL) == fits_some);
    free(copy);
    return 0;
}
