/* What --health does: asks the program that runs here, with the same configuration, whether it is well. */
#ifndef TALLY_COMMON_PROCESS_HEALTH_PROBE_H
#define TALLY_COMMON_PROCESS_HEALTH_PROBE_H

#include "common/base/compiler.h"
#include "common/base/error.h"

/* GET path of the server that listens on host (a wildcard is asked on the loopback) and port. Returns 0 if it answers
 * 200, or -1 with error filled. Blocks for at most HEALTH_PROBE_TIMEOUT_MS. */
int health_probe(const char *host, int port, const char *path, struct error *error) MUST_CHECK;

enum { HEALTH_PROBE_TIMEOUT_MS = 2000 };

#endif
