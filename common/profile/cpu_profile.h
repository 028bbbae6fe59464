/* Where CPU time goes for some seconds. One at a time in a process. */
#ifndef TALLY_COMMON_PROFILE_CPU_PROFILE_H
#define TALLY_COMMON_PROFILE_CPU_PROFILE_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/profile/profile.h"

/* Blocks for that time, or until `pause`, which sleeps some ms, returns false. Makes *ret_profile, which the caller
 * ends with profile_done. Returns 0, or -1 with error filled; then too it is to be ended. */
int cpu_profile_take(int seconds, bool (*pause)(void *ctx, int pause_ms), void *ctx, struct profile *ret_profile,
                     struct error *error) MUST_CHECK;

#endif
