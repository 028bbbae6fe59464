/* The counter service: gRPC in front, Redis behind. */
#include "common/config.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/stop_signal.h"
#include "counter-service/counter_service.h"

static const char *health_host(const struct config *config)
{
    return config->counter_service.host;
}

static int health_port(const struct config *config)
{
    return config->counter_service.admin_port;
}

/* Until the first stop signal. */
static int serve(const struct config *config)
{
    struct error error;
    struct counter_service *service = counter_service_create(config, &error);
    if (service == NULL) {
        log_error("service", "cannot start", LOG_STR("error", error.message));
        return 1;
    }
    log_info("service", "listening", LOG_STR("host", config->counter_service.host),
             LOG_INT("port", counter_service_port(service)), LOG_INT("admin_port", counter_service_admin_port(service)),
             LOG_STR("version", TALLY_VERSION));
    const int signal = stop_signal_wait(-1);
    log_info("service", "stopping", LOG_INT("signal", signal));
    counter_service_drain(service);
    counter_service_free(service);
    log_info("service", "stopped");
    return 0;
}

static const struct daemon daemon = {
    .program =
        {
            .name = "counter-service",
            .purpose = "Tally's counter service: counts over gRPC, exactly, in Redis.",
            .version = TALLY_VERSION,
            .health_path = "/health",
            .health_host = health_host,
            .health_port = health_port,
        },
    .component = "service",
    .serve = serve,
};

int main(int argc, char **argv)
{
    return daemon_main(&daemon, argc, argv);
}
