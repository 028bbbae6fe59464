/* One look-up of a name (getaddrinfo) on a thread of its own. A look-up cannot be cut short, and takes as long as the
 * system's resolver likes: who does not want to wait any longer ends it early, and its thread frees it later.
 *
 *     name_lookup_start ──> name_lookup_wait, as often as one likes ──> name_lookup_end */
#ifndef TALLY_COMMON_DISCOVERY_NAME_LOOKUP_H
#define TALLY_COMMON_DISCOVERY_NAME_LOOKUP_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/discovery/target_set.h"
#include "common/net/host_port.h"

struct name_lookup;

/* name is copied; an address is a name that is looked up at once. Returns NULL with error filled. */
struct name_lookup *name_lookup_start(const struct host_port *name, struct error *error) MUST_CHECK;
/* Waits timeout_ms at most. Returns whether the look-up is over. */
bool name_lookup_wait(struct name_lookup *lookup, int timeout_ms) MUST_CHECK;
/* Gives the look-up back, over or not. Returns 0; or -1 with error filled: it is not over, the name is not known, or
 * the resolver failed. */
int name_lookup_end(struct name_lookup *lookup, struct target_set *ret_set, struct error *error) MUST_CHECK;

#endif
