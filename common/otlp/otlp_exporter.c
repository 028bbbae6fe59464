#include "common/otlp/otlp_exporter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/net/http_client.h"
#include "common/otlp/gzip.h"
#include "common/otlp/otlp_message.h"
#include "common/otlp/otlp_reply.h"
#include "common/thread/background.h"

enum {
    BATCH_SPANS = 512,
    ANSWER_MAX = 64 * 1024, /* what is longer is cut: its first bytes say enough */
    BODY_KEEP_BYTES = 1024 * 1024,
    PAUSE_DOUBLINGS = 32, /* the longest pause is so many times the first */
    RETRY_AFTER_MAX_S = 3600,
};

const struct otlp_pace otlp_pace_usual = {
    .gather_ms = 1000, .request_ms = 10000, .pause_ms = 500, .give_up_ms = 60000, .end_ms = 2000};

static const struct metric_family exported_family = {
    .name = "tally_spans_exported_total",
    .help = "Spans that the collector took.",
    .type = METRIC_COUNTER,
};

static const struct metric_family dropped_family = {
    .name = "tally_spans_dropped_total",
    .help = "Spans that were lost: the queue was full, or the collector did not take them.",
    .type = METRIC_COUNTER,
};

struct otlp_exporter {
    /* immutable after start */
    const struct otlp_settings *settings;
    const struct otlp_pace *pace;
    struct span_queue *queue;
    struct http_client *client; /* the thread's, but for its cancelling */
    struct background background;
    metric_series exported;
    /* the thread's */
    struct buffer message;
    struct buffer body; /* the message, compressed */
    struct buffer answer;
    struct backoff backoff;
    int64_t quiet_until_us; /* the collector asked not to be asked before */
    uint64_t undelivered;   /* of those dropped: taken from the queue, and not taken by the collector */
    uint64_t overflowed;    /* of those dropped: found no room, and are told of */
    struct log_limiter limiter;
    bool failure_is_told;
};

/* ---- what is told ---- */

static double read_dropped(void *ctx)
{
    return (double)span_queue_dropped(ctx);
}

static void tell_failure(struct otlp_exporter *exporter, const char *msg, const char *reason)
{
    uint64_t count;
    if (log_limiter_allows(&exporter->limiter, clock_monotonic_us(), &count)) {
        log_warn("tracing", msg, LOG_STR("reason", reason), LOG_INT("count", count),
                 LOG_INT("dropped_total", span_queue_dropped(exporter->queue)));
        exporter->failure_is_told = true;
    }
}

static void tell_success(struct otlp_exporter *exporter)
{
    if (exporter->failure_is_told) {
        log_info("tracing", "spans are delivered again");
        exporter->failure_is_told = false;
    }
}

static void drop(struct otlp_exporter *exporter, size_t count, const char *reason)
{
    span_queue_count_dropped(exporter->queue, count);
    exporter->undelivered += count;
    tell_failure(exporter, "spans are dropped", reason);
}

static void tell_overflow(struct otlp_exporter *exporter)
{
    const uint64_t overflowed = span_queue_dropped(exporter->queue) - exporter->undelivered;
    if (overflowed > exporter->overflowed) {
        exporter->overflowed = overflowed;
        tell_failure(exporter, "spans are dropped", "the queue is full");
    }
}

/* ---- one request ---- */

static void add_status(struct otlp_reply *reply, int status)
{
    char said[OTLP_SAID_SIZE];
    memcpy(said, reply->said, sizeof(said));
    const int len = snprintf(reply->said, sizeof(reply->said), "status %d ", status);
    snprintf(reply->said + len, sizeof(reply->said) - (size_t)len, "%.*s", (int)sizeof(said) - len - 1, said);
}

/* Sends exporter->body. *ret_reply, and how long the collector wants to be left alone; 0: it did not say. */
static void ask(struct otlp_exporter *exporter, struct otlp_reply *ret_reply, int64_t *ret_retry_after_s)
{
    const struct http_client_request request = {
        .url = exporter->settings->url,
        .method = HTTP_CLIENT_POST,
        .body = {exporter->body.data, exporter->body.len},
        .headers = exporter->settings->headers,
        .header_count = exporter->settings->header_count,
        .timeout_ms = exporter->pace->request_ms,
        .body_max = ANSWER_MAX,
        .cuts_body = true,
    };
    struct http_client_answer answer;
    struct error error;
    buffer_clear(&exporter->answer, ANSWER_MAX);
    *ret_retry_after_s = 0;
    if (http_client_request(exporter->client, &request, &answer, &exporter->answer, &error) != 0) {
        *ret_reply = (struct otlp_reply){.verdict = OTLP_TRY_AGAIN};
        snprintf(ret_reply->said, sizeof(ret_reply->said), "%.*s", OTLP_SAID_SIZE - 1, error.message);
        tell_failure(exporter, "the collector does not answer", ret_reply->said);
        return;
    }
    otlp_reply_read(answer.status, (struct text){exporter->answer.data, exporter->answer.len}, ret_reply);
    if (ret_reply->verdict != OTLP_ACCEPTED) {
        add_status(ret_reply, answer.status);
    }
    if (ret_reply->verdict == OTLP_TRY_AGAIN) {
        tell_failure(exporter, "the collector does not take spans", ret_reply->said);
    }
    *ret_retry_after_s = answer.retry_after_s < RETRY_AFTER_MAX_S ? answer.retry_after_s : RETRY_AFTER_MAX_S;
}

static void count_accepted(struct otlp_exporter *exporter, const struct otlp_reply *reply, size_t count)
{
    const size_t rejected = (uint64_t)reply->rejected < count ? (size_t)reply->rejected : count;
    metrics_add(exporter->exported, (int64_t)(count - rejected));
    if (rejected > 0) {
        drop(exporter, rejected, reply->said[0] != '\0' ? reply->said : "the collector rejected them");
    } else if (reply->said[0] != '\0') {
        tell_failure(exporter, "the collector has a remark", reply->said);
    } else {
        tell_success(exporter);
    }
}

/* ---- one batch ---- */

/* Whether a request may be sent now; waits for that if it comes before give_up_us. */
static bool wait_until_welcome(struct otlp_exporter *exporter, int64_t give_up_us)
{
    const int64_t wait_us = exporter->quiet_until_us - clock_monotonic_us();
    if (wait_us <= 0) {
        return true;
    }
    return exporter->quiet_until_us <= give_up_us &&
           background_pause(&exporter->background, (int)((wait_us + 999) / 1000));
}

/* Whether the request may be sent once more, after a pause that is cut short by the end of the program. */
static bool wait_for_another_try(struct otlp_exporter *exporter, int64_t retry_after_s, int64_t give_up_us)
{
    if (background_is_stopping(&exporter->background)) {
        return false;
    }
    if (retry_after_s > 0) {
        exporter->quiet_until_us = clock_monotonic_us() + retry_after_s * 1000000;
        return true;
    }
    const int pause_ms = backoff_next_ms(&exporter->backoff);
    if (clock_monotonic_us() + (int64_t)pause_ms * 1000 > give_up_us) {
        return false;
    }
    (void)background_pause(&exporter->background, pause_ms);
    return true;
}

/* Until it is taken or refused, or there is no time left. */
static void deliver_body(struct otlp_exporter *exporter, size_t count)
{
    const int64_t give_up_us = clock_monotonic_us() + (int64_t)exporter->pace->give_up_ms * 1000;
    struct otlp_reply reply = {.said = "it asked to be left alone"};
    int64_t retry_after_s;
    backoff_reset(&exporter->backoff);
    while (wait_until_welcome(exporter, give_up_us)) {
        ask(exporter, &reply, &retry_after_s);
        if (reply.verdict == OTLP_ACCEPTED) {
            count_accepted(exporter, &reply, count);
            return;
        }
        if (reply.verdict == OTLP_REFUSED || !wait_for_another_try(exporter, retry_after_s, give_up_us)) {
            break;
        }
    }
    drop(exporter, count, reply.said);
}

static void deliver(struct otlp_exporter *exporter, const struct queued_span *spans, size_t count)
{
    const struct otlp_settings *settings = exporter->settings;
    buffer_clear(&exporter->message, BODY_KEEP_BYTES);
    buffer_clear(&exporter->body, BODY_KEEP_BYTES);
    if (otlp_message_pack(settings->resource, settings->resource_count, spans, count, &exporter->message) != 0 ||
        gzip_compress((struct text){exporter->message.data, exporter->message.len}, &exporter->body) != 0) {
        drop(exporter, count, "out of memory");
        return;
    }
    deliver_body(exporter, count);
}

static void run(void *ctx)
{
    struct otlp_exporter *exporter = ctx;
    bool is_last;
    do {
        size_t count;
        const int64_t until_us = clock_monotonic_us() + (int64_t)exporter->pace->gather_ms * 1000;
        is_last = span_queue_is_closed(exporter->queue);
        struct queued_span *spans = span_queue_take(exporter->queue, BATCH_SPANS, BATCH_SPANS, until_us, &count);
        tell_overflow(exporter);
        if (spans != NULL) {
            deliver(exporter, spans, count);
            queued_spans_free(spans);
            is_last = false;
        }
    } while (!is_last);
}

/* ---- start and stop ---- */

static void destroy(struct otlp_exporter *exporter)
{
    http_client_free(exporter->client);
    buffer_done(&exporter->message);
    buffer_done(&exporter->body);
    buffer_done(&exporter->answer);
    free(exporter);
}

struct otlp_exporter *otlp_exporter_start(const struct otlp_settings *settings, const struct otlp_pace *pace,
                                          struct span_queue *queue, struct error *error)
{
    struct otlp_exporter *exporter = calloc(1, sizeof(*exporter));
    if (exporter == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    exporter->settings = settings;
    exporter->pace = pace;
    exporter->queue = queue;
    exporter->client = http_client_create();
    buffer_init(&exporter->message);
    buffer_init(&exporter->body);
    buffer_init(&exporter->answer);
    backoff_init(&exporter->backoff, pace->pause_ms, pace->pause_ms * PAUSE_DOUBLINGS);
    exporter->exported = metrics_register(&exported_family, NULL);
    if (exporter->client == NULL) {
        error_set(error, "out of memory");
        destroy(exporter);
        return NULL;
    }
    if (background_start(&exporter->background, "otlp-exporter", run, exporter, error) != 0) {
        destroy(exporter);
        return NULL;
    }
    metrics_register_reader(&dropped_family, NULL, read_dropped, queue);
    return exporter;
}

void otlp_exporter_stop(struct otlp_exporter *exporter)
{
    if (exporter == NULL) {
        return;
    }
    span_queue_close(exporter->queue);
    background_ask_to_stop(&exporter->background);
    if (!background_wait_end(&exporter->background, exporter->pace->end_ms)) {
        http_client_cancel(exporter->client);
    }
    background_join(&exporter->background);
    metrics_unregister_reader(&dropped_family, NULL);
    destroy(exporter);
}
