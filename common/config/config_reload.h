/* Reading the configuration again while the program runs. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_RELOAD_H
#define TALLY_COMMON_CONFIG_CONFIG_RELOAD_H

#include "common/config/config.h"

/* Reads file (NULL: none was given) and environment as the start did, and applies log.level. Other keys whose values
 * differ from running are named in the log: the program goes on with those of running. A configuration that is not
 * valid is an error in the log, and changes nothing. component: in log lines. Main thread. */
void config_reload(const struct config *running, const char *file, const char *component);

#endif
