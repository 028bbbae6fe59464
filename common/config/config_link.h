/* Variables that Kubernetes and Docker set in every container beside a Service, or a linked container, whose name
 * begins with tally: TALLY_REDIS_SERVICE_HOST, TALLY_PORT_80_TCP_ADDR. They are told by the form of their names and
 * values. Pure functions, internal to config*.c.
 *
 * Sources: kubernetes.io, "Service", section "Environment variables"; docs.docker.com, "Legacy container links". */
#ifndef TALLY_COMMON_CONFIG_CONFIG_LINK_H
#define TALLY_COMMON_CONFIG_CONFIG_LINK_H

#include <stdbool.h>

/* Whether `variable`, a NAME=value of environment (a NULL-terminated list of them), is a link's. is_key: a key has a
 * variable of that name. Then it is a link's only if its value cannot be meant for the key (tcp://10.0.0.1:80), or if
 * the link's own address, beside it in the environment, says the same: TALLY_COUNTER_SERVICE_PORT=80 beside
 * TALLY_COUNTER_PORT=tcp://10.0.0.1:80. */
bool config_link_sets(char *const *environment, const char *variable, bool is_key);

#endif
