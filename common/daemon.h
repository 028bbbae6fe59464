/* What main() of both programs is: options, signals, log, limits, metrics, in this order; then the program's own part.
 */
#ifndef TALLY_COMMON_DAEMON_H
#define TALLY_COMMON_DAEMON_H

#include <stdint.h>

#include "common/config.h"
#include "common/options.h"

struct daemon {
    struct program program;
    const char *component; /* in log lines */
    /* How many files the configuration may need. NULL: as many as there are. */
    int64_t (*files_wanted)(const struct config *config);
    /* Serves until the first stop signal, and drains. Returns the exit status. */
    int (*serve)(const struct config *config);
};

/* Returns the exit status of the process. Before any thread was started. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

#endif
