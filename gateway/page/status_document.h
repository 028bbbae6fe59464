/* What the status page reads each second, as JSON (the schema is in proto/openapi.yaml): counters, from which the page
 * works out rates and percentiles, the gateway's /health, and what the instances say of themselves. Loop thread. */
#ifndef TALLY_GATEWAY_PAGE_STATUS_DOCUMENT_H
#define TALLY_GATEWAY_PAGE_STATUS_DOCUMENT_H

#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "gateway/http/request_metrics.h"
#include "gateway/pool/channel_pool.h"

struct status_source {
    const struct request_metrics *metrics;
    struct channel_pool *pool; /* whose instances are asked for reports from now on, for a while; NULL: none */
    const struct config *config;
    int64_t started_us; /* realtime */
    struct text health; /* the document of GET /health */
};

/* Appends the document. What is not known is null or left out, never 0. */
void status_document_write(const struct status_source *source, struct buffer *out);
/* Whether text is one JSON object, in UTF-8, and nothing else: what an instance tells is put into the document only
 * then. */
bool status_document_is_object(struct text text);

#endif
