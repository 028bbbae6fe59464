/* Where spans go, and what is said of the program that they are from: by the configuration, and where that says nothing
 * by OpenTelemetry's variables
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/, .../protocol/exporter/). What is
 * wrong with a variable is warned of, and it is passed over. */
#ifndef TALLY_COMMON_OTLP_OTLP_SETTINGS_H
#define TALLY_COMMON_OTLP_OTLP_SETTINGS_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/otlp/otlp_pairs.h"
#include "common/trace/span.h"

enum {
    OTLP_OWN_HEADERS = 2,    /* those of the body */
    OTLP_OWN_ATTRIBUTES = 5, /* those of otlp_resource.h */
    OTLP_HEADERS_MAX = OTLP_OWN_HEADERS + OTLP_PAIRS_MAX,
    OTLP_ATTRIBUTES_MAX = OTLP_OWN_ATTRIBUTES + OTLP_PAIRS_MAX,
};

/* Immutable after init. All texts are in the arena. */
struct otlp_settings {
    const char *url; /* of the POST; NULL: tracing is off, and there is nothing else */
    const char *headers[OTLP_HEADERS_MAX];
    size_t header_count;
    struct span_attribute resource[OTLP_ATTRIBUTES_MAX];
    size_t resource_count;
    struct arena arena;
};

/* service: the service.name of one that has no other. environment: as config_load_text has it. Logs warnings. Returns
 * 0, or -1 with error filled; otlp_settings_done is needed after both. */
int otlp_settings_init(struct otlp_settings *settings, const struct config *config, char *const *environment,
                       const char *service, struct error *error) MUST_CHECK;
void otlp_settings_done(struct otlp_settings *settings);

#endif
