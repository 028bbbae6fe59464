/* The signals of a process, for main(): SIGTERM, SIGINT and SIGQUIT ask it to stop, in its own time; SIGHUP asks it to
 * read its configuration again. SIGPIPE, SIGUSR1 and SIGUSR2 are ignored.
 *
 *     signals_block() ── before any thread starts ──> signals_wait() ──> SIGHUP: again
 *                                                                    └─> a stop: drain ──> return 0
 */
#ifndef TALLY_COMMON_PROCESS_SIGNALS_H
#define TALLY_COMMON_PROCESS_SIGNALS_H

#include <signal.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

/* Holds the four back in the calling thread and in every thread it starts from now on, and ignores the three: a peer
 * that is gone is an error of write(). What the parent ignored, as nohup does SIGHUP, is waited for all the same.
 * Returns 0, or -1 with error filled. */
int signals_block(struct error *error) MUST_CHECK;

/* Waits for a signal, at most timeout_ms (negative: for ever). Returns its number, or 0 if none came. After it has
 * returned a stop the next one ends the process with 128 and its number, as a shell would report it: even one that was
 * pending already. SIGHUP does nothing from then on. Main thread only. */
int signals_wait(int timeout_ms);

#endif
