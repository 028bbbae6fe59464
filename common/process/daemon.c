#include "common/process/daemon.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/config/config_reload.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/process/grpc_library.h"
#include "common/process/pprof.h"
#include "common/process/process_limits.h"
#include "common/process/sd_notify.h"
#include "common/process/signals.h"
#include "common/process/tracing.h"
#include "common/process/watchdog.h"

enum {
    LOG_STOP_TIMEOUT_MS = 1000,
    GRPC_END_TIMEOUT_MS = 5000,
    /* Time for what drain.delay and drain.timeout do not bound: Consul's answer, what the threads still have to
     * finish. */
    STOP_REST_MS = 15000,
    NOTICE_SIZE = 128,
};

#define READY_NOTICE "READY=1\nSTATUS=listening"

static const struct metric_family draining_family = {
    .name = "tally_draining",
    .help = "1 while the process is shutting down.",
    .type = METRIC_GAUGE,
};

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

static void notify(const struct daemon *daemon, const char *assignments)
{
    struct error error;
    if (sd_notify_send(assignments, &error) != 0) {
        log_warn(daemon->component, "the service manager is not told", LOG_STR("error", error.message));
    }
}

static void reload(const struct daemon *daemon, const struct launch *launch)
{
    char reloading[NOTICE_SIZE];
    snprintf(reloading, sizeof(reloading), "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading the configuration",
             clock_monotonic_us());
    notify(daemon, reloading);
    config_reload(launch->config, launch->config_path, daemon->component);
    notify(daemon, READY_NOTICE);
}

/* Asks the service manager for the time that a drain may take, whatever the unit's TimeoutStopSec. */
static void notify_stopping(const struct daemon *daemon, const struct config *config)
{
    char stopping[NOTICE_SIZE];
    const int64_t longest_us = ((int64_t)config->drain.delay_ms + config->drain.timeout_ms + STOP_REST_MS) * 1000;
    snprintf(stopping, sizeof(stopping), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64 "\nSTATUS=draining", longest_us);
    notify(daemon, stopping);
}

/* From listening to the end of the drain. */
static void run(const struct daemon *daemon, const struct launch *launch, void *instance)
{
    int number;
    daemon->tell_listening(instance, launch->config);
    notify(daemon, READY_NOTICE);
    while ((number = signals_wait(-1)) == SIGHUP) {
        reload(daemon, launch);
    }
    log_info(daemon->component, "stopping", LOG_INT("signal", number));
    notify_stopping(daemon, launch->config);
    metrics_add(metrics_register(&draining_family, NULL), 1);
    pprof_stop();
    daemon->drain(instance);
}

static int serve(const struct daemon *daemon, const struct launch *launch)
{
    struct error error;
    struct heartbeats heartbeats = {.count = 0};
    struct watchdog *watchdog = NULL;
    if (pprof_init(launch->config, &error) != 0) {
        log_error(daemon->component, "cannot start", LOG_STR("error", error.message));
        return 1;
    }
    void *instance = daemon->create(launch->config, &error);
    if (instance == NULL) {
        log_error(daemon->component, "cannot start", LOG_STR("error", error.message));
        return 1;
    }
    daemon->watch(instance, &heartbeats);
    if (pprof_start(&error) != 0 || watchdog_start(&heartbeats, daemon->component, &watchdog, &error) != 0) {
        log_error(daemon->component, "cannot start", LOG_STR("error", error.message));
        pprof_stop();
        daemon->destroy(instance);
        return 1;
    }
    run(daemon, launch, instance);
    watchdog_stop(watchdog);
    daemon->destroy(instance);
    log_info(daemon->component, "stopped");
    return 0;
}

/* Its threads make spans until it is destroyed. */
static int serve_traced(const struct daemon *daemon, const struct launch *launch)
{
    struct error error;
    struct tracing *tracing;
    if (tracing_start(launch->config, daemon->program.name, &tracing, &error) != 0) {
        log_error(daemon->component, "cannot start", LOG_STR("error", error.message));
        return 1;
    }
    const int result = serve(daemon, launch);
    tracing_stop(tracing);
    return result;
}

/* Its threads may still log. */
static void wait_for_grpc(const struct daemon *daemon)
{
    if (!grpc_library_wait_for_end(GRPC_END_TIMEOUT_MS)) {
        log_warn(daemon->component, "the gRPC library is still closing connections",
                 LOG_INT("waited_ms", GRPC_END_TIMEOUT_MS));
    }
}

int daemon_main(const struct daemon *daemon, int argc, char **argv)
{
    struct error error;
    struct launch launch;
    int result = options_handle(&daemon->program, argc, argv, stdout, stderr, &launch);
    if (result != OPTIONS_RUN) {
        return result;
    }
    struct config *config = launch.config;
    if (signals_block(&error) != 0 || log_start(config->log.level, config->log.format, &error) != 0) {
        fprintf(stderr, "%s: %s\n", daemon->program.name, error.message);
        config_free(config);
        return 1;
    }
    warn_of_links(daemon, config);
    grpc_library_prepare();
    raise_file_limit(daemon, config);
    metrics_register_process(daemon->program.name, daemon->program.version);
    metrics_register(&draining_family, NULL);
    result = serve_traced(daemon, &launch);
    wait_for_grpc(daemon);
    log_stop(LOG_STOP_TIMEOUT_MS);
    config_free(config);
    return result;
}
