/* Profiles of the process for `go tool pprof`: endpoints for operators.
 *
 *     /debug/pprof/             what there is
 *     /debug/pprof/profile      where CPU time goes, in the next `seconds`
 *     /debug/pprof/heap         what is allocated, and by whom
 *     /debug/pprof/cmdline      how the program was started
 *
 * Off unless debug.pprof is true. Asked by this machine itself, or by whom debug.allow names, and through no proxy.
 * One profile at a time in a process, by a thread of its own.
 *
 *     write, loop thread ──> the one that is asked for ──> pprof thread ──> operator_answer_finish
 */
#ifndef TALLY_COMMON_PROCESS_PPROF_H
#define TALLY_COMMON_PROCESS_PPROF_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/http/http_peer.h"
#include "common/process/operator_desk.h"

#define PPROF_CONTENT_TYPE "application/octet-stream"

/* For tables of operator_endpoint. */
#define PPROF_ENDPOINTS(ROW) \
    ROW("/debug/pprof/", "text/plain; charset=utf-8", false, pprof_write_index) \
    ROW("/debug/pprof/profile", PPROF_CONTENT_TYPE, false, pprof_write_profile) \
    ROW("/debug/pprof/heap", PPROF_CONTENT_TYPE, false, pprof_write_heap) \
    ROW("/debug/pprof/cmdline", "text/plain; charset=utf-8", false, pprof_write_cmdline)

/* Before the endpoints are served, once. config outlives it. Returns 0, or -1 with error filled. */
int pprof_start(const struct config *config, struct error *error) MUST_CHECK;
/* Before what serves the endpoints is freed: whoever waits for a profile is told that the program stops. */
void pprof_stop(void);

/* Whether the configuration lets this caller have profiles. */
bool pprof_allows(const struct config *config, const struct http_peer *peer);

int pprof_write_index(void *ctx, struct operator_answer *answer);
int pprof_write_profile(void *ctx, struct operator_answer *answer);
int pprof_write_heap(void *ctx, struct operator_answer *answer);
int pprof_write_cmdline(void *ctx, struct operator_answer *answer);

#endif
