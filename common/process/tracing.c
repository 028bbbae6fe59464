#include "common/process/tracing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log/log.h"
#include "common/otlp/otlp_exporter.h"
#include "common/otlp/otlp_settings.h"
#include "common/trace/span_queue.h"
#include "common/trace/tracer.h"

/* Each takes 500 bytes and its texts; that of a batch up to 128 links, 3 KB. */
enum { QUEUE_SPANS = 8192, SERVICE_SIZE = 64 };

struct tracing {
    struct otlp_settings settings;
    struct span_queue queue;
    struct otlp_exporter *exporter; /* NULL: tracing is off */
};

static void destroy(struct tracing *tracing)
{
    span_queue_done(&tracing->queue);
    otlp_settings_done(&tracing->settings);
    free(tracing);
}

/* Returns 0, or -1 with error filled. */
static int start_exporter(struct tracing *tracing, const struct config *config, struct error *error)
{
    tracing->exporter = otlp_exporter_start(&tracing->settings, &otlp_pace_usual, &tracing->queue, error);
    if (tracing->exporter == NULL) {
        return -1;
    }
    tracer_start((double)config->tracing.sample_ratio_ppb / 1e9, (unsigned)config->tracing.max_per_second,
                 &tracing->queue);
    log_info("tracing", "spans are exported", LOG_STR("url", tracing->settings.url));
    return 0;
}

int tracing_start(const struct config *config, const char *program, struct tracing **ret_tracing, struct error *error)
{
    char service[SERVICE_SIZE];
    struct tracing *tracing = calloc(1, sizeof(*tracing));
    if (tracing == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    snprintf(service, sizeof(service), "tally-%s", program);
    span_queue_init(&tracing->queue, QUEUE_SPANS);
    int failed = otlp_settings_init(&tracing->settings, config, environ, service, error);
    if (failed == 0 && tracing->settings.url != NULL) {
        failed = start_exporter(tracing, config, error);
    }
    if (tracing->exporter == NULL) {
        destroy(tracing);
        tracing = NULL;
    }
    if (failed == 0) {
        *ret_tracing = tracing;
    }
    return failed;
}

void tracing_stop(struct tracing *tracing)
{
    if (tracing != NULL) {
        tracer_stop();
        otlp_exporter_stop(tracing->exporter);
        destroy(tracing);
    }
}
