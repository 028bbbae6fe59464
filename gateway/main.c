/* The gateway: HTTP in front, counter-service behind. */
#include "common/config/config.h"
#include "common/log/log.h"
#include "common/process/daemon.h"
#include "gateway/gateway.h"

/* gateway/help.txt, built in by common/base/embed.S. */
extern const char gateway_help[];

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

static void *create(const struct config *config, struct error *error)
{
    return gateway_create(config, error);
}

static void tell_listening(const void *instance, const struct config *config)
{
    log_info("gateway", "listening", LOG_STR("host", config->server.host), LOG_INT("port", gateway_port(instance)),
             LOG_STR("version", TALLY_VERSION));
}

static void watch(const void *instance, struct heartbeats *heartbeats)
{
    gateway_watch(instance, heartbeats);
}

static void drain(void *instance)
{
    gateway_drain(instance);
}

static void destroy(void *instance)
{
    gateway_free(instance);
}

static const struct daemon daemon = {
    .program =
        {
            .name = "gateway",
            .help = gateway_help,
            .version = TALLY_VERSION,
            .health_path = "/health/ready",
            .health_host = health_host,
            .health_port = health_port,
        },
    .component = "gateway",
    .files_wanted = files_wanted,
    .create = create,
    .tell_listening = tell_listening,
    .watch = watch,
    .drain = drain,
    .destroy = destroy,
};

int main(int argc, char **argv)
{
    return daemon_main(&daemon, argc, argv);
}
