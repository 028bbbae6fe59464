/* What is allocated, and where it was: samples of jemalloc, which the release and debug builds are linked with. Until
 * it is asked it takes none. */
#ifndef TALLY_COMMON_PROFILE_HEAP_PROFILE_H
#define TALLY_COMMON_PROFILE_HEAP_PROFILE_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/profile/profile.h"

/* Whether this process has such an allocator. */
bool heap_profile_is_there(void);
/* From now on, or no longer, allocations are sampled; what was sampled before is forgotten. Any thread. Returns 0, or
 * -1 with error filled. */
int heap_profile_set_active(bool is_active, struct error *error) MUST_CHECK;
bool heap_profile_is_active(void);

/* Makes *ret_profile, which the caller ends with profile_done, of what was sampled and is not freed. Returns 0, or -1
 * with error filled; then too it is to be ended. */
int heap_profile_take(struct profile *ret_profile, struct error *error) MUST_CHECK;

/* The same of what jemalloc has written: its format "heap_v2". Behind text stands a NUL. */
int heap_profile_read(struct text text, struct profile *ret_profile, struct error *error) MUST_CHECK;

#endif
