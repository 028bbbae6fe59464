/* The counter service: gRPC in front, Redis behind. */
#include <stdio.h>

#include "common/config.h"
#include "common/grpc_log.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/options.h"
#include "common/process_limits.h"
#include "common/stop_signal.h"
#include "counter-service/counter_service.h"

enum { LOG_STOP_TIMEOUT_MS = 1000 };

static const char *health_host(const struct config *config)
{
    return config->counter_service.host;
}

static int health_port(const struct config *config)
{
    return config->counter_service.admin_port;
}

static const struct program program = {
    .name = "counter-service",
    .purpose = "Tally's counter service: counts over gRPC, exactly, in Redis.",
    .version = TALLY_VERSION,
    .health_path = "/health",
    .health_host = health_host,
    .health_port = health_port,
};

/* Not fatal: with fewer files there are fewer connections. */
static void raise_file_limit(void)
{
    struct error error;
    int64_t limit;
    if (process_limits_raise_files(&limit, &error) != 0) {
        log_warn("service", "cannot raise the limit of open files", LOG_STR("error", error.message));
    }
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

int main(int argc, char **argv)
{
    struct error error;
    struct config *config = NULL;
    int result = options_handle(&program, argc, argv, stdout, stderr, &config);
    if (result != OPTIONS_RUN) {
        return result;
    }
    if (stop_signal_block(&error) != 0 || log_start(config->log.level, config->log.format, &error) != 0) {
        fprintf(stderr, "counter-service: %s\n", error.message);
        config_free(config);
        return 1;
    }
    grpc_log_redirect();
    raise_file_limit();
    metrics_register_process(program.name, program.version);
    result = serve(config);
    log_stop(LOG_STOP_TIMEOUT_MS);
    config_free(config);
    return result;
}
