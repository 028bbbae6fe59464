/* The gateway: HTTP in front, counter-service behind. */
#include <stdio.h>

#include "common/config.h"
#include "common/grpc_log.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/options.h"
#include "common/process_limits.h"
#include "common/stop_signal.h"
#include "gateway/gateway.h"

enum {
    LOG_STOP_TIMEOUT_MS = 1000,
    /* Files that are no HTTP connections: channels, epoll sets, the log. */
    OTHER_FILES = 128,
};

static const char *health_host(const struct config *config)
{
    return config->server.host;
}

static int health_port(const struct config *config)
{
    return config->server.port;
}

static const struct program program = {
    .name = "gateway",
    .purpose = "Tally's HTTP gateway: counts over HTTP, batches to counter-service over gRPC.",
    .version = TALLY_VERSION,
    .health_path = "/health/ready",
    .health_host = health_host,
    .health_port = health_port,
};

/* Not fatal: with fewer files there are fewer connections. */
static void raise_file_limit(const struct config *config)
{
    struct error error;
    int64_t limit;
    if (process_limits_raise_files(&limit, &error) != 0) {
        log_warn("gateway", "cannot raise the limit of open files", LOG_STR("error", error.message));
    } else if (limit < config->server.max_connections + OTHER_FILES) {
        log_warn("gateway", "the limit of open files is too low for server.max_connections", LOG_INT("limit", limit),
                 LOG_INT("max_connections", config->server.max_connections));
    }
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

int main(int argc, char **argv)
{
    struct error error;
    struct config *config = NULL;
    int result = options_handle(&program, argc, argv, stdout, stderr, &config);
    if (result != OPTIONS_RUN) {
        return result;
    }
    if (stop_signal_block(&error) != 0 || log_start(config->log.level, config->log.format, &error) != 0) {
        fprintf(stderr, "gateway: %s\n", error.message);
        config_free(config);
        return 1;
    }
    grpc_log_redirect();
    raise_file_limit(config);
    metrics_register_process(program.name, program.version);
    result = serve(config);
    log_stop(LOG_STOP_TIMEOUT_MS);
    config_free(config);
    return result;
}
