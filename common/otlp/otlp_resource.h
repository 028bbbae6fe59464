/* What is said of the program that the spans are from: OpenTelemetry's resource
 * (https://opentelemetry.io/docs/specs/semconv/resource/). For otlp_settings.c: each function adds attributes to
 * settings->resource; one of a key that is there takes its place. They return 0, or -1. */
#ifndef TALLY_COMMON_OTLP_OTLP_RESOURCE_H
#define TALLY_COMMON_OTLP_OTLP_RESOURCE_H

#include "common/base/compiler.h"
#include "common/otlp/otlp_settings.h"

/* service.name, service.version, service.instance.id (a new one), host.name, process.pid. Fails when there is no memory
 * or no random numbers. */
int otlp_resource_take_own(struct otlp_settings *settings, const char *service) MUST_CHECK;
/* list: as otlp_pairs.h has it. Fails when that is malformed, and then takes none of it. */
int otlp_resource_take_list(struct otlp_settings *settings, const char *list) MUST_CHECK;
/* service.name. Fails when name is not UTF-8. */
int otlp_resource_take_service(struct otlp_settings *settings, const char *name) MUST_CHECK;

#endif
