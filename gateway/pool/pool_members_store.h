/* The store that the members of a channel pool count in: asks pool_store.h, tells each instance how its store relates
 * to the pool's, and logs changes. Internal to pool_members.c. */
#ifndef TALLY_GATEWAY_POOL_POOL_MEMBERS_STORE_H
#define TALLY_GATEWAY_POOL_POOL_MEMBERS_STORE_H

#include <stdint.h>

#include "gateway/pool/pool_members.h"

/* The pool's thread, not under lock. */
void pool_members_settle_store(struct pool_members *members, int64_t now_us);

#endif
