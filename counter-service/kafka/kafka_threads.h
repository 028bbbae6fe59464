/* librdkafka blocks every signal in its threads: SIGPROF too, and a profile would not see them. Its interceptors would
 * be the way to reach all of them, but 2.0.2 frees them twice when a client cannot be made. */
#ifndef TALLY_COUNTER_SERVICE_KAFKA_KAFKA_THREADS_H
#define TALLY_COUNTER_SERVICE_KAFKA_KAFKA_THREADS_H

#include <librdkafka/rdkafka.h>

/* The brokers' threads of clients that are made with these settings, which do the work, let SIGPROF through
 * (common/profile/cpu_sampler.h). */
void kafka_threads_show(rd_kafka_conf_t *settings);

#endif
