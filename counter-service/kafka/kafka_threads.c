#include "counter-service/kafka/kafka_threads.h"

#include <pthread.h>
#include <signal.h>

/* On the thread itself. */
static rd_kafka_resp_err_t on_thread_start(rd_kafka_t *client, rd_kafka_thread_type_t type, const char *name, void *ctx)
{
    sigset_t set;
    (void)client;
    (void)type;
    (void)name;
    (void)ctx;
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is librdkafka's */
static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *settings, void *ctx, char *error,
                                  size_t error_size)
{
    (void)settings;
    (void)ctx;
    (void)error;
    (void)error_size;
    return rd_kafka_interceptor_add_on_thread_start(client, "tally", on_thread_start, NULL);
}

void kafka_threads_show(rd_kafka_conf_t *settings)
{
    rd_kafka_conf_interceptor_add_on_new(settings, "tally", on_new, NULL);
}
