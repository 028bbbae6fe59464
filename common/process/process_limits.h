/* What the operating system lets this process do. */
#ifndef TALLY_COMMON_PROCESS_PROCESS_LIMITS_H
#define TALLY_COMMON_PROCESS_PROCESS_LIMITS_H

#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

/* Raises the soft limit of open files (usually 1024) to the hard one. Every connection is a file. Returns 0 with the
 * limit now in force (INT64_MAX: none), or -1 with error filled. Called before anything listens. */
int process_limits_raise_files(int64_t *ret_limit, struct error *error) MUST_CHECK;

#endif
