/* librdkafka blocks every signal in its threads: SIGPROF too, and a profile would not see them. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_THREADS_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_THREADS_H

#include <librdkafka/rdkafka.h>

/* The threads of clients that are made with these settings let SIGPROF through (common/profile/cpu_sampler.h). */
void kafka_threads_show(rd_kafka_conf_t *settings);

#endif
