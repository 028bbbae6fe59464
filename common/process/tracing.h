/* Traces of a program: reads where they go, and runs the queue, the exporter and the tracer between the program's start
 * and its end. Main thread. */
#ifndef TALLY_COMMON_PROCESS_TRACING_H
#define TALLY_COMMON_PROCESS_TRACING_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"

struct tracing;

/* program: "gateway"; its service.name is "tally-gateway", unless the environment has another. *ret_tracing is NULL
 * when tracing is off: nothing was started. Returns 0, or -1 with error filled. */
int tracing_start(const struct config *config, const char *program, struct tracing **ret_tracing, struct error *error)
    MUST_CHECK;
/* No thread that makes spans may run any more. Sends what is left, for two seconds at most. NULL is fine. */
void tracing_stop(struct tracing *tracing);

#endif
