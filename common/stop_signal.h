/* SIGTERM and SIGINT for main(). The first one is a request to stop, which main waits for and answers in its own time;
 * the second one ends the process at once.
 *
 *     stop_signal_block() ── before any thread starts ──> stop_signal_wait() ──> drain ──> return 0
 */
#ifndef TALLY_COMMON_STOP_SIGNAL_H
#define TALLY_COMMON_STOP_SIGNAL_H

#include "common/compiler.h"
#include "common/error.h"

/* Holds both signals back in the calling thread and in every thread it starts from now on, and ignores SIGPIPE: a peer
 * that is gone is an error of write(). Returns 0, or -1 with error filled. */
int stop_signal_block(struct error *error) MUST_CHECK;

/* Waits for the first signal, at most timeout_ms (negative: for ever). Returns its number, or 0 if none came. After it
 * has returned a number the next signal ends the process with 128 and its number, as a shell would report it: even one
 * that was pending already. Main thread only. */
int stop_signal_wait(int timeout_ms);

#endif
