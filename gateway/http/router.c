#include "gateway/http/router.h"

#include <assert.h>
#include <string.h>

#include "common/base/percent.h"

/* How many bytes of path stand for `character`: 1, 3 if it is percent-encoded, 0 if others do. */
static size_t literal_len(struct text path, char character)
{
    if (path.len > 0 && path.data[0] == character) {
        return 1;
    }
    char decoded;
    size_t len;
    if (path.len < 3 || path.data[0] != '%' || character == '/' ||
        percent_decode((struct text){path.data, 3}, &decoded, &len) != 0) {
        return 0;
    }
    return decoded == character ? 3 : 0;
}

static struct text first_segment(struct text path)
{
    const char *slash = path.len > 0 ? memchr(path.data, '/', path.len) : NULL;
    return (struct text){path.data, slash != NULL ? (size_t)(slash - path.data) : path.len};
}

static struct text behind(struct text path, size_t len)
{
    return (struct text){path.data + len, path.len - len};
}

static bool fits(const char *pattern, struct text path, struct text parameters[ROUTE_PARAMETERS_MAX])
{
    size_t count = 0;
    while (*pattern != '\0') {
        size_t len;
        if (*pattern == '{') {
            assert(count < ROUTE_PARAMETERS_MAX);
            parameters[count] = first_segment(path);
            len = parameters[count++].len;
            pattern = strchr(pattern, '}') + 1;
        } else {
            len = literal_len(path, *pattern);
            pattern++;
        }
        if (len == 0) {
            return false;
        }
        path = behind(path, len);
    }
    return path.len == 0;
}

struct route_match router_match(const struct route *routes, size_t count, enum http_method method, struct text path)
{
    struct route_match match = {0};
    const enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    for (size_t i = 0; i < count && match.route == NULL; i++) {
        if (routes[i].method == wanted && fits(routes[i].pattern, path, match.parameters)) {
            match.route = &routes[i];
        }
    }
    return match;
}

const char *router_allow(const struct route *routes, size_t count, struct text path)
{
    struct text ignored[ROUTE_PARAMETERS_MAX];
    bool get = false;
    bool post = false;
    for (size_t i = 0; i < count; i++) {
        if (fits(routes[i].pattern, path, ignored)) {
            get |= routes[i].method == HTTP_GET;
            post |= routes[i].method == HTTP_POST;
        }
    }
    if (get) {
        return post ? "GET, HEAD, POST, OPTIONS" : "GET, HEAD, OPTIONS";
    }
    return post ? "POST, OPTIONS" : NULL;
}
