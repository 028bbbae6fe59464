/* What hinders a client of librdkafka, which goes on trying: one sentence. Pure, private to the wing. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_TROUBLE_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_TROUBLE_H

#include <stdbool.h>

#include "common/base/error.h"

/* Zero-initialised: none. */
struct kafka_trouble {
    bool all_brokers_down;
    struct error sentence; /* "" for none */
};

/* code: rd_kafka_resp_err_t. reason: the library's words. */
void kafka_trouble_add(struct kafka_trouble *trouble, int code, const char *reason);
/* A broker has answered. */
void kafka_trouble_forget(struct kafka_trouble *trouble);

#endif
