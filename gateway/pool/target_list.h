/* A list of "host:port", owned. */
#ifndef TALLY_GATEWAY_POOL_TARGET_LIST_H
#define TALLY_GATEWAY_POOL_TARGET_LIST_H

#include <stddef.h>

#include "common/base/compiler.h"

struct target_list {
    char **targets;
    size_t count;
};

/* Copies the first `max` of them at most. Returns 0, or -1 when out of memory. */
int target_list_init(struct target_list *list, const char *const *targets, size_t count, size_t max) MUST_CHECK;
/* A zeroed one is fine. */
void target_list_done(struct target_list *list);

#endif
