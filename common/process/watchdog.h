/* Tells the service manager that the program works, as long as each thread of a list still turns. Runs on a thread
 * of its own, so that it goes on while main drains, and only if the manager asks for it ($WATCHDOG_USEC). A manager
 * that has not heard of the process for that long ends it and starts another one. */
#ifndef TALLY_COMMON_PROCESS_WATCHDOG_H
#define TALLY_COMMON_PROCESS_WATCHDOG_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/thread/heartbeats.h"

struct watchdog;

/* heartbeats is copied. component: in log lines. Without a manager that watches *ret_watchdog is NULL. Returns 0, or -1
 * with error filled. */
int watchdog_start(const struct heartbeats *heartbeats, const char *component, struct watchdog **ret_watchdog,
                   struct error *error) MUST_CHECK;
/* Joins the watchdog's thread. Called before the threads of the list end. NULL is fine. */
void watchdog_stop(struct watchdog *watchdog);

#endif
