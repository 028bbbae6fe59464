/* The library's log in Tally's: component "kafka", what repeats limited. Private to the wing. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_LOG_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_LOG_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/log/log.h"

struct rd_kafka_conf_s;
struct rd_kafka_s;

/* Owned by the thread that polls the client. Zero-initialised is ready to use. */
struct kafka_log {
    struct log_limiter errors;
    struct log_limiter warnings;
    bool is_quiet; /* the client is given up: what it complains of now is no news */
};

/* Before the client is made: its log goes to log, which becomes the opaque of its callbacks too. Returns 0, or -1 with
 * error filled. */
int kafka_log_attach(struct kafka_log *log, struct rd_kafka_conf_s *settings, struct error *error) MUST_CHECK;
/* After it was made: lines wait in the client's queue, and are written where it is polled, not on the library's
 * threads. */
void kafka_log_start(struct rd_kafka_s *client);

#endif
