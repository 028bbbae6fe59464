#include "counter-service/kafka/kafka_log.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/clock.h"
#include "counter-service/kafka/kafka_settings.h"

/* What librdkafka numbers as syslog does (RFC 5424, section 6.2.1). */
enum { SYSLOG_ERROR = 3, SYSLOG_WARNING = 4 };

static void write_limited(struct log_limiter *limiter, enum log_level level, const char *facility, const char *text)
{
    uint64_t count;
    if (log_limiter_allows(limiter, clock_monotonic_us(), &count)) {
        LOG_AT(level, "kafka", "librdkafka reports", LOG_STR("text", text), LOG_STR("facility", facility),
               LOG_INT("count", count));
    }
}

/* Of a setting that is Tally's choice (kafka_producer_settings.c), or of an option for a client of the other kind: all
 * get the same ones. */
static bool is_known(const char *facility, const char *text)
{
    return strcmp(facility, "CONFWARN") == 0 &&
           (strstr(text, "enable.gapless.guarantee") != NULL || strstr(text, "will be ignored by this") != NULL);
}

/* Its notices and its information tell of its insides. */
static void write_line(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    struct kafka_log *log = rd_kafka_opaque(client);
    if (log->is_quiet) {
        return;
    }
    if (level <= SYSLOG_ERROR) {
        write_limited(&log->errors, LOG_LEVEL_ERROR, facility, text);
    } else if (level == SYSLOG_WARNING && !is_known(facility, text)) {
        write_limited(&log->warnings, LOG_LEVEL_WARN, facility, text);
    } else {
        log_debug("kafka", "librdkafka reports", LOG_STR("text", text), LOG_STR("facility", facility));
    }
}

int kafka_log_attach(struct kafka_log *log, rd_kafka_conf_t *settings, struct error *error)
{
    if (kafka_settings_set(settings, "log.queue", "true", error) != 0) {
        return -1;
    }
    rd_kafka_conf_set_opaque(settings, log);
    rd_kafka_conf_set_log_cb(settings, write_line);
    return 0;
}

void kafka_log_start(rd_kafka_t *client)
{
    rd_kafka_set_log_queue(client, NULL);
}
