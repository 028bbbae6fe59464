/* The command line of both programs: --config, --check, --health, --version, --help. Main thread, before anything
 * else. */
#ifndef TALLY_COMMON_PROCESS_OPTIONS_H
#define TALLY_COMMON_PROCESS_OPTIONS_H

#include <stdio.h>

#include "common/base/compiler.h"
#include "common/config/config.h"

/* What differs between the programs. */
struct program {
    const char *name; /* "gateway" */
    const char *help; /* what --help prints: its help.txt, of which its manual page is made too */
    const char *version;
    /* What --check looks at beside the rules of config.h. Returns 0, or -1 with error filled. NULL: nothing. */
    int (*check)(const struct config *config, struct error *error);
    const char *health_path; /* what --health asks this program's own port for: "/health/ready" */
    const char *(*health_host)(const struct config *config); /* where that port listens, wildcards included */
    int (*health_port)(const struct config *config);
};

enum { OPTIONS_RUN = -1 };

/* What the program is to run with. */
struct launch {
    struct config *config;
    const char *config_path; /* one of the arguments; NULL: none was given */
};

/* How to be without the variables that config_link.h is about. */
#define OPTIONS_LINKS_ADVICE "enableServiceLinks: false in the pod's spec avoids them"

/* Does what the command line asks for; answers go to out, complaints to err. Returns OPTIONS_RUN with a launch
 * whose configuration the caller frees, or the code to exit with: 0; 1 for a bad configuration or health; 2 for a bad
 * command line. */
int options_handle(const struct program *program, int argc, char *const *argv, FILE *out, FILE *err,
                   struct launch *ret_launch) MUST_CHECK;

#endif
