/* Why a topic cannot be looked at or created, for an operator. Pure functions, private to the wing. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_TOPIC_REFUSAL_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_TOPIC_REFUSAL_H

#include "common/base/error.h"
#include "common/config/config.h"

/* code: rd_kafka_resp_err_t. text: the broker's or the library's words. */
void kafka_topic_look_refused(const struct config *config, int code, const char *text, struct error *error);
/* The same for who reads the topic: the rights are others. */
void kafka_topic_read_refused(const struct config *config, int code, const char *text, struct error *error);
void kafka_topic_create_refused(const struct config *config, int code, const char *text, struct error *error);

#endif
