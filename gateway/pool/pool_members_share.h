/* How the channels of a pool are shared out among its members. Internal to pool_members.c. */
#ifndef TALLY_GATEWAY_POOL_POOL_MEMBERS_SHARE_H
#define TALLY_GATEWAY_POOL_POOL_MEMBERS_SHARE_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "gateway/pool/pool_members.h"

/* Gives every instance its share of the channels and has calls go round them; those that leave get none. Returns 0, or
 * -1 with error filled: nothing changed. The pool's thread, not under lock. */
int pool_members_share_out(struct pool_members *members, struct error *error) MUST_CHECK;

#endif
