#include "common/otlp/otlp_resource.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/random_hex.h"
#include "common/base/utf8.h"

enum { UUID_SIZE = 37, HOST_NAME_SIZE = 256 };

static void put(struct otlp_settings *settings, struct span_attribute attribute)
{
    size_t place = 0;
    while (place < settings->resource_count && strcmp(settings->resource[place].key, attribute.key) != 0) {
        place++;
    }
    assert(place < OTLP_ATTRIBUTES_MAX);
    settings->resource[place] = attribute;
    settings->resource_count += place == settings->resource_count;
}

/* Copies the text. */
static int put_text(struct otlp_settings *settings, const char *key, const char *text)
{
    const size_t len = strlen(text);
    char *copy = arena_alloc(&settings->arena, len + 1);
    if (copy == NULL) {
        return -1;
    }
    memcpy(copy, text, len + 1);
    put(settings, (struct span_attribute){.key = key, .text = {copy, len}});
    return 0;
}

/* A random UUID (RFC 9562, version 4), which the convention asks for. */
static int write_uuid(char out[UUID_SIZE])
{
    static const char variants[] = "89ab";
    char hex[33];
    if (random_hex(hex, 32) != 0) {
        return -1;
    }
    hex[12] = '4';
    hex[16] = variants[hex[16] & 3];
    snprintf(out, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return 0;
}

int otlp_resource_take_own(struct otlp_settings *settings, const char *service)
{
    char uuid[UUID_SIZE];
    char host[HOST_NAME_SIZE] = "";
    (void)!gethostname(host, sizeof(host) - 1);
    if (write_uuid(uuid) != 0 || put_text(settings, "service.name", service) != 0 ||
        put_text(settings, "service.version", TALLY_VERSION) != 0 ||
        put_text(settings, "service.instance.id", uuid) != 0 ||
        put_text(settings, "host.name", utf8_is_valid(text_of(host)) ? host : "") != 0) {
        return -1;
    }
    put(settings, (struct span_attribute){.key = "process.pid", .number = getpid()});
    assert(settings->resource_count == OTLP_OWN_ATTRIBUTES);
    return 0;
}

int otlp_resource_take_list(struct otlp_settings *settings, const char *list)
{
    struct otlp_pair pairs[OTLP_PAIRS_MAX];
    size_t count;
    if (otlp_pairs_read(list, &settings->arena, pairs, &count) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        put(settings, (struct span_attribute){.key = pairs[i].key, .text = text_of(pairs[i].value)});
    }
    return 0;
}

int otlp_resource_take_service(struct otlp_settings *settings, const char *name)
{
    return utf8_is_valid(text_of(name)) ? put_text(settings, "service.name", name) : -1;
}
