/* The counter service: gRPC in front, Redis behind. */
#include "common/config/config.h"
#include "common/log/log.h"
#include "common/process/daemon.h"
#include "counter-service/counter_service.h"
#include "counter-service/kafka/kafka_settings.h"

/* counter-service/help.txt, built in by common/base/embed.S. */
extern const char counter_service_help[];

static const char *health_host(const struct config *config)
{
    return config->counter_service.host;
}

static int health_port(const struct config *config)
{
    return config->counter_service.admin_port;
}

static void *create(const struct config *config, struct error *error)
{
    return counter_service_create(config, error);
}

static void tell_listening(const void *instance, const struct config *config)
{
    log_info("service", "listening", LOG_STR("host", config->counter_service.host),
             LOG_INT("port", counter_service_port(instance)),
             LOG_INT("admin_port", counter_service_admin_port(instance)), LOG_STR("version", TALLY_VERSION));
}

static void watch(const void *instance, struct heartbeats *heartbeats)
{
    counter_service_watch(instance, heartbeats);
}

static void drain(void *instance)
{
    counter_service_drain(instance);
}

static void destroy(void *instance)
{
    counter_service_free(instance);
}

static const struct daemon daemon = {
    .program =
        {
            .name = "counter-service",
            .help = counter_service_help,
            .version = TALLY_VERSION,
            .check = kafka_settings_check,
            .health_path = "/health",
            .health_host = health_host,
            .health_port = health_port,
        },
    .component = "service",
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
