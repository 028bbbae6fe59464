#include "common/otlp/otlp_settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/environment.h"
#include "common/log/log.h"
#include "common/net/http_syntax.h"
#include "common/otlp/otlp_resource.h"

#define PATH "v1/traces"

/* NULL: the variable is not there, or empty, which is the same. */
static const char *find(char *const *environment, const char *name)
{
    const char *value = environment_find(environment, name, strlen(name), "");
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void pass_over(const char *name, const char *reason)
{
    log_warn("tracing", "a variable is passed over", LOG_STR("variable", name), LOG_STR("reason", reason));
}

/* NULL: out of memory. */
static const char *join(struct arena *arena, const char *first, const char *middle, const char *last)
{
    const size_t size = strlen(first) + strlen(middle) + strlen(last) + 1;
    char *joined = arena_alloc(arena, size);
    if (joined != NULL) {
        snprintf(joined, size, "%s%s%s", first, middle, last);
    }
    return joined;
}

/* ---- where to ---- */

static const char *append_path(struct arena *arena, const char *base)
{
    const bool has_slash = base[strlen(base) - 1] == '/';
    return join(arena, base, has_slash ? "" : "/", PATH);
}

/* NULL: it is not there, or no URL. */
static const char *find_url(char *const *environment, const char *name)
{
    const char *url = find(environment, name);
    if (url != NULL && !http_url_is_valid(url)) {
        pass_over(name, "it must be a URL like http://127.0.0.1:4318, without user, ? and #");
        return NULL;
    }
    return url;
}

/* *ret_url is NULL when tracing is off. */
static bool is_word(const char *value, const char *word)
{
    return value != NULL && strcasecmp(value, word) == 0;
}

/* Whether a variable says that nothing is to be sent, or not by the protocol that this program has. */
static bool is_turned_off(char *const *environment)
{
    static const char *const protocols[] = {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"};
    if (is_word(find(environment, "OTEL_TRACES_EXPORTER"), "none")) {
        return true;
    }
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        const char *protocol = find(environment, protocols[i]);
        if (protocol != NULL) {
            if (!is_word(protocol, "http/protobuf")) {
                pass_over(protocols[i], "spans are sent by http/protobuf only, to tracing.endpoint");
                return true;
            }
            return false; /* the first one counts */
        }
    }
    return false;
}

static int find_endpoint(struct arena *arena, const struct config *config, char *const *environment,
                         const char **ret_url)
{
    const char *disabled = find(environment, "OTEL_SDK_DISABLED");
    const char *whole = find_url(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    const char *base = find_url(environment, "OTEL_EXPORTER_OTLP_ENDPOINT");
    *ret_url = NULL;
    if (is_word(disabled, "true")) {
        return 0;
    }
    const bool is_off = is_turned_off(environment);
    if (config->tracing.endpoint[0] != '\0') {
        *ret_url = append_path(arena, config->tracing.endpoint);
    } else if (is_off || (whole == NULL && base == NULL)) {
        return 0;
    } else {
        *ret_url = whole != NULL ? join(arena, whole, "", "") : append_path(arena, base);
    }
    return *ret_url != NULL ? 0 : -1;
}

/* ---- headers ---- */

/* Returns 0, or -1 when out of memory. */
static int take_header(struct otlp_settings *settings, const char *name, const char *separator, const char *value)
{
    const char *header = join(&settings->arena, name, separator, value);
    if (header == NULL) {
        return -1;
    }
    settings->headers[settings->header_count++] = header;
    return 0;
}

static int take_headers_of_config(struct otlp_settings *settings, const struct config *config)
{
    for (size_t i = 0; i < config->tracing.header_count; i++) {
        if (take_header(settings, config->tracing.headers[i], "", "") != 0) {
            return -1;
        }
    }
    return 0;
}

/* Those of the variable, or none if one of them is malformed. */
static int take_headers_of(struct otlp_settings *settings, const char *name, const char *list)
{
    struct otlp_pair pairs[OTLP_PAIRS_MAX];
    size_t count;
    const size_t before = settings->header_count;
    if (otlp_pairs_read(list, &settings->arena, pairs, &count) != 0) {
        pass_over(name, "it must be a list like key=value,key=value, percent-encoded");
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (take_header(settings, pairs[i].key, ": ", pairs[i].value) != 0) {
            return -1;
        }
        if (!http_header_is_valid(settings->headers[settings->header_count - 1])) {
            settings->header_count = before;
            pass_over(name, "one of its pairs is no header that can be sent");
            return 0;
        }
    }
    return 0;
}

static int take_headers(struct otlp_settings *settings, const struct config *config, char *const *environment)
{
    static const char *const names[] = {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"};
    settings->headers[settings->header_count++] = "Content-Type: application/x-protobuf";
    settings->headers[settings->header_count++] = "Content-Encoding: gzip";
    if (config->tracing.header_count > 0) {
        return take_headers_of_config(settings, config);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *list = find(environment, names[i]);
        if (list != NULL) {
            return take_headers_of(settings, names[i], list);
        }
    }
    return 0;
}

/* ---- who ---- */

/* The program's own first: a variable takes their place. */
static int take_resource(struct otlp_settings *settings, char *const *environment, const char *service)
{
    static const char list_name[] = "OTEL_RESOURCE_ATTRIBUTES";
    static const char service_name[] = "OTEL_SERVICE_NAME";
    const char *list = find(environment, list_name);
    const char *name = find(environment, service_name);
    if (otlp_resource_take_own(settings, service) != 0) {
        return -1;
    }
    if (list != NULL && otlp_resource_take_list(settings, list) != 0) {
        pass_over(list_name, "it must be a list like key=value,key=value, percent-encoded");
    }
    if (name != NULL && otlp_resource_take_service(settings, name) != 0) {
        pass_over(service_name, "it must be UTF-8");
    }
    return 0;
}

int otlp_settings_init(struct otlp_settings *settings, const struct config *config, char *const *environment,
                       const char *service, struct error *error)
{
    *settings = (struct otlp_settings){.url = NULL};
    arena_init(&settings->arena);
    int failed = find_endpoint(&settings->arena, config, environment, &settings->url);
    if (failed == 0 && settings->url != NULL) {
        failed = take_headers(settings, config, environment) != 0 || take_resource(settings, environment, service) != 0;
    }
    if (failed != 0) {
        error_set(error, "tracing: no memory or no random numbers");
        return -1;
    }
    return 0;
}

void otlp_settings_done(struct otlp_settings *settings)
{
    arena_done(&settings->arena);
}
