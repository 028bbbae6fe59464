#include "common/daemon.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/grpc_log.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/process_limits.h"
#include "common/stop_signal.h"

enum { LOG_STOP_TIMEOUT_MS = 1000 };

/* Not fatal: with fewer files there are fewer connections. */
static void raise_file_limit(const struct daemon *daemon, const struct config *config)
{
    struct error error;
    int64_t limit;
    const int64_t wanted = daemon->files_wanted != NULL ? daemon->files_wanted(config) : 0;
    if (process_limits_raise_files(&limit, &error) != 0) {
        log_warn(daemon->component, "cannot raise the limit of open files", LOG_STR("error", error.message));
    } else if (limit < wanted) {
        log_warn(daemon->component, "the limit of open files is too low for server.max_connections",
                 LOG_INT("limit", limit), LOG_INT("max_connections", config->server.max_connections));
    }
}

static void warn_of_links(const struct daemon *daemon, const struct config *config)
{
    if (config->passed_over_count > 0) {
        log_warn(daemon->component, "variables of Kubernetes or Docker links are passed over",
                 LOG_STR("variables", config->passed_over), LOG_INT("count", config->passed_over_count),
                 LOG_STR("advice", OPTIONS_LINKS_ADVICE));
    }
}

/* Debian 12's c-ares leaks with each look-up of a host name that gRPC does with it. The user's own choice stands. */
static void choose_grpc_resolver(void)
{
    setenv("GRPC_DNS_RESOLVER", "native", 0);
}

int daemon_main(const struct daemon *daemon, int argc, char **argv)
{
    struct error error;
    struct config *config = NULL;
    int result = options_handle(&daemon->program, argc, argv, stdout, stderr, &config);
    if (result != OPTIONS_RUN) {
        return result;
    }
    if (stop_signal_block(&error) != 0 || log_start(config->log.level, config->log.format, &error) != 0) {
        fprintf(stderr, "%s: %s\n", daemon->program.name, error.message);
        config_free(config);
        return 1;
    }
    warn_of_links(daemon, config);
    choose_grpc_resolver();
    grpc_log_redirect();
    raise_file_limit(daemon, config);
    metrics_register_process(daemon->program.name, daemon->program.version);
    result = daemon->serve(config);
    log_stop(LOG_STOP_TIMEOUT_MS);
    config_free(config);
    return result;
}
