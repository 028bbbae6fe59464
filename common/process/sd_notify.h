/* The service manager's notification protocol: a datagram of assignments, one a line, to the Unix socket that the
 * environment names. Source: sd_notify(3), sections "Notes" and "Well-known assignments"; sd_watchdog_enabled(3). Any
 * thread; the environment must not change meanwhile. */
#ifndef TALLY_COMMON_PROCESS_SD_NOTIFY_H
#define TALLY_COMMON_PROCESS_SD_NOTIFY_H

#include <stdint.h>
#include <sys/types.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

/* Sends assignments ("READY=1\nSTATUS=listening") to $NOTIFY_SOCKET. Waits at most a second for a manager that does not
 * read. Returns 0, also when there is no such variable, or -1 with error filled. */
int sd_notify_send(const char *assignments, struct error *error) MUST_CHECK;

/* How long the manager waits for a WATCHDOG=1, in microseconds: $WATCHDOG_USEC, if $WATCHDOG_PID is `self` or not
 * set. 0: the manager does not watch this process. */
int64_t sd_notify_watchdog_us(pid_t self);

#endif
