/* The main() of both programs: options, signals, log, limits, metrics, in this order; then the program's own part,
 * which runs until the first stop signal and then drains. SIGHUP and the service manager (systemd) are answered here.
 *
 *     create ──> READY=1 ──> { SIGHUP: RELOADING=1, read, READY=1 } ──> a stop: STOPPING=1 ──> drain ──> destroy
 */
#ifndef TALLY_COMMON_PROCESS_DAEMON_H
#define TALLY_COMMON_PROCESS_DAEMON_H

#include <stdint.h>

#include "common/config/config.h"
#include "common/process/options.h"
#include "common/thread/heartbeats.h"

struct daemon {
    struct program program;
    const char *component; /* in log lines */
    /* How many files the configuration may need: a lower limit is warned of. NULL: it is not. */
    int64_t (*files_wanted)(const struct config *config);
    /* Listens and serves, on threads of its own. Returns an instance, which the functions below get, or NULL with
     * error filled. config outlives the instance. */
    void *(*create)(const struct config *config, struct error *error);
    /* Logs where the instance listens. */
    void (*tell_listening)(const void *instance, const struct config *config);
    /* Adds the threads without which the instance does not work; they live until destroy. */
    void (*watch)(const void *instance, struct heartbeats *heartbeats);
    /* Returns when all requests are answered, after drain.delay and drain.timeout and a little at the latest. */
    void (*drain)(void *instance);
    void (*destroy)(void *instance);
};

/* Called before any thread was started. Returns the exit status of the process. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

#endif
