/* Which store a channel pool sends calls to: one only, for its counters are nowhere else. Pure.
 *
 *     none yet ── the first instance that is up tells one ──> a store ── replaced under its instances ──> another
 *
 * The store stays also when no instance that is up has it: no answer is better than one from other counters. The pool
 * changes to another store only where an instance that had the old one tells the new one (its Redis was emptied or
 * replaced), and no instance that is up, or was up lately, has the old one. An instance that tells no store has
 * none. */
#ifndef TALLY_GATEWAY_POOL_POOL_STORE_H
#define TALLY_GATEWAY_POOL_POOL_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/contract/store_id.h"

struct pool_store {
    char id[STORE_ID_SIZE]; /* "": none yet */
};

/* An instance. Those that are awaited stand before the others. */
struct pool_store_member {
    const char *store;   /* as it told last; "": none */
    bool is_up;          /* it serves and is connected, whatever its store */
    bool was_up_lately;  /* a moment without it is no reason to leave its store */
    bool is_awaited;     /* the pool's first store is not taken from those behind it yet */
    bool has_told_store; /* that it is of the pool's store, now or before: kept by the caller */
};

enum pool_store_change {
    POOL_STORE_STAYS,
    POOL_STORE_TAKEN,    /* the first one */
    POOL_STORE_FOLLOWED, /* to another one */
};

/* Decides, and brings has_told_store of all members up to date. *ret_from: index of the member that the new store comes
 * from, if there is a new one. */
enum pool_store_change pool_store_update(struct pool_store *store, struct pool_store_member *members, size_t count,
                                         size_t *ret_from) MUST_CHECK;

/* Whether a member that tells the store `told` is of the pool's store; nobody is while the pool has none. */
bool pool_store_is(const struct pool_store *store, const char *told);

#endif
