/* What main() of both programs is: options, signals, log, limits, metrics, in this order; then the program's own part,
 * which runs until the first stop signal, and drains. SIGHUP and the service manager (systemd) are answered here.
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
    /* How many files the configuration may need. NULL: as many as there are. */
    int64_t (*files_wanted)(const struct config *config);
    /* Listens and serves, on threads of its own. config outlives what is returned: an instance, or NULL with error
     * filled. The others get the instance. */
    void *(*create)(const struct config *config, struct error *error);
    /* Logs where it listens. */
    void (*tell_listening)(const void *instance, const struct config *config);
    /* Adds the threads without which it does not work; they live until destroy. */
    void (*watch)(const void *instance, struct heartbeats *heartbeats);
    /* Returns when all requests are answered, after drain.delay and drain.timeout and a little at the latest. */
    void (*drain)(void *instance);
    void (*destroy)(void *instance);
};

/* Returns the exit status of the process. Before any thread was started. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

#endif
