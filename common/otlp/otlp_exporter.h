/* Delivers spans: a thread that takes them from the queue, packs some together and POSTs them to a collector (OTLP over
 * HTTP, https://opentelemetry.io/docs/specs/otlp/#otlphttp). While the collector is away the queue fills, and drops:
 * whoever makes spans never waits.
 *
 *     span_queue ──512 spans, or 1 s──> otlp_message ──> gzip ──> http_client ──> otlp_reply
 *                                                    ^──── wait <── 429, 502, 503, 504, no answer
 *
 * Metrics: tally_spans_exported_total, tally_spans_dropped_total. Failures are logged when they begin, then at most
 * once in 10 s. */
#ifndef TALLY_COMMON_OTLP_OTLP_EXPORTER_H
#define TALLY_COMMON_OTLP_OTLP_EXPORTER_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/otlp/otlp_settings.h"
#include "common/trace/span_queue.h"

struct otlp_exporter;

/* How long things take; tests have less time. */
struct otlp_pace {
    int gather_ms;  /* for a batch to fill */
    int request_ms; /* for an answer */
    int pause_ms;   /* after a first failure at least; twice as long at most, and doubled with each */
    int give_up_ms; /* of a batch: after so long it is dropped */
    int end_ms;     /* for what is left when the exporter is stopped */
};

extern const struct otlp_pace otlp_pace_usual;

/* settings, whose url is not NULL, pace and queue outlive the exporter. Returns NULL with error filled. */
struct otlp_exporter *otlp_exporter_start(const struct otlp_settings *settings, const struct otlp_pace *pace,
                                          struct span_queue *queue, struct error *error) MUST_CHECK;
/* Closes the queue, sends what is in it, pace->end_ms at most, and drops the rest. NULL is fine. */
void otlp_exporter_stop(struct otlp_exporter *exporter);

#endif
