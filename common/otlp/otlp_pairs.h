/* Lists as OpenTelemetry's variables have them: `key=value,key=value`, percent-encoded, blanks around each allowed
 * (https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable).
 * Pure. */
#ifndef TALLY_COMMON_OTLP_OTLP_PAIRS_H
#define TALLY_COMMON_OTLP_OTLP_PAIRS_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"

enum { OTLP_PAIRS_MAX = 64 };

/* UTF-8, NUL-terminated, in the arena. */
struct otlp_pair {
    const char *key; /* not empty */
    const char *value;
};

/* Returns 0 with *ret_count of them in ret_pairs, or -1: one of them is malformed, there are too many, or there is no
 * memory. */
int otlp_pairs_read(const char *list, struct arena *arena, struct otlp_pair ret_pairs[OTLP_PAIRS_MAX],
                    size_t *ret_count) MUST_CHECK;

#endif
