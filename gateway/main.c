/* The gateway: HTTP in front, counter-service behind. */
#include "common/config.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/stop_signal.h"
#include "gateway/gateway.h"

/* Files that are no connections: epoll sets, the log. */
enum { OTHER_FILES = 128 };

static const char *health_host(const struct config *config)
{
    return config->server.host;
}

static int health_port(const struct config *config)
{
    return config->server.port;
}

static int64_t files_wanted(const struct config *config)
{
    return config->server.max_connections + config->grpc.counter_service.pool_size + OTHER_FILES;
}

/* Until the first stop signal. */
static int serve(const struct config *config)
{
    struct error error;
    struct gateway *gateway = gateway_create(config, &error);
    if (gateway == NULL) {
        log_error("gateway", "cannot start", LOG_STR("error", error.message));
        return 1;
    }
    log_info("gateway", "listening", LOG_STR("host", config->server.host), LOG_INT("port", gateway_port(gateway)),
             LOG_STR("version", TALLY_VERSION));
    const int signal = stop_signal_wait(-1);
    log_info("gateway", "stopping", LOG_INT("signal", signal));
    gateway_drain(gateway);
    gateway_free(gateway);
    log_info("gateway", "stopped");
    return 0;
}

static const struct daemon daemon = {
    .program =
        {
            .name = "gateway",
            .purpose = "Tally's HTTP gateway: counts over HTTP, batches to counter-service over gRPC.",
            .version = TALLY_VERSION,
            .health_path = "/health/ready",
            .health_host = health_host,
            .health_port = health_port,
        },
    .component = "gateway",
    .files_wanted = files_wanted,
    .serve = serve,
};

int main(int argc, char **argv)
{
    return daemon_main(&daemon, argc, argv);
}
