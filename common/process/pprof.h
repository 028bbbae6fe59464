/* Profiles of the process for `go tool pprof`: endpoints for operators.
 *
 *     /debug/pprof/             what there is
 *     /debug/pprof/profile      where CPU time goes, in the next `seconds`
 *     /debug/pprof/heap         what is allocated, and by whom
 *     /debug/pprof/cmdline      how the program was started
 *
 * Off unless debug.pprof is true. For whom they are: pprof_access.h.
 * One profile at a time in a process, by a thread of its own.
 *
 *     write, loop thread ──> the one that is asked for ──> pprof thread ──> operator_answer_finish
 */
#ifndef TALLY_COMMON_PROCESS_PPROF_H
#define TALLY_COMMON_PROCESS_PPROF_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/process/operator_desk.h"

#define PPROF_CONTENT_TYPE "application/octet-stream"

/* For tables of operator_endpoint. */
#define PPROF_ENDPOINTS(ROW) \
    ROW("/debug/pprof/", "text/plain; charset=utf-8", false, pprof_write_index) \
    ROW("/debug/pprof/profile", PPROF_CONTENT_TYPE, false, pprof_write_profile) \
    ROW("/debug/pprof/heap", PPROF_CONTENT_TYPE, false, pprof_write_heap) \
    ROW("/debug/pprof/cmdline", "text/plain; charset=utf-8", false, pprof_write_cmdline)

/* At the start of the program, once. config outlives it. Returns 0, or -1 with error filled. */
int pprof_init(const struct config *config, struct error *error) MUST_CHECK;
/* When all that serves the endpoints is there; until then no profile is taken. Returns 0, or -1 with error filled. */
int pprof_start(struct error *error) MUST_CHECK;
/* Before what serves the endpoints drains: whoever waits for a profile is told that the program stops. Does nothing
 * when it has not been started, or has been stopped. */
void pprof_stop(void);

int pprof_write_index(void *ctx, struct operator_answer *answer);
int pprof_write_profile(void *ctx, struct operator_answer *answer);
int pprof_write_heap(void *ctx, struct operator_answer *answer);
int pprof_write_cmdline(void *ctx, struct operator_answer *answer);

#endif
