#include "counter-service/kafka/kafka_threads.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

/* What librdkafka does by itself, on the broker's thread, whenever it connects. */
static int open_socket(int domain, int type, int protocol, void *ctx)
{
    sigset_t set;
    (void)ctx;
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return socket(domain, type | SOCK_CLOEXEC, protocol);
}

void kafka_threads_show(rd_kafka_conf_t *settings)
{
    rd_kafka_conf_set_socket_cb(settings, open_socket);
}
