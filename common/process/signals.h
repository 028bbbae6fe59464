/* The signals of a process, for main(): SIGTERM, SIGINT and SIGQUIT ask it to stop, in its own time; SIGHUP asks it to
 * read its configuration again. SIGPIPE, SIGUSR1, SIGUSR2 and SIGPROF are ignored.
 *
 *     signals_block() ── before any thread starts ──> signals_wait() ──> SIGHUP: again
 *                                                                    └─> a stop: drain ──> return 0
 */
#ifndef TALLY_COMMON_PROCESS_SIGNALS_H
#define TALLY_COMMON_PROCESS_SIGNALS_H

#include <signal.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

/* Blocks the first four in the calling thread and in every thread it starts from now on, and ignores the other
 * four: without SIGPIPE, a peer that is gone is an error of write(). A signal that the parent ignored, as nohup does
 * SIGHUP, is waited for all the same. Returns 0, or -1 with error filled. */
int signals_block(struct error *error) MUST_CHECK;

/* Waits for a signal, at most timeout_ms (negative: for ever). Returns its number, or 0 if none came. Once
 * signals_wait has returned a stop signal, the next one, even if already pending, ends the process with the status 128
 * + its number, as a shell would report it, and SIGHUP does nothing. Main thread only. */
int signals_wait(int timeout_ms);

#endif
