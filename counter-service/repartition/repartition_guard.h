/* Keeps everybody from the data while they are moved: what the services find under tally:meta, tally:store and the
 * partitions' marks, the connections that they have, and the leases that tell who is still there. Owned by one thread.
 * Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_GUARD_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/repartition/repartition_mark.h"
#include "counter-service/repartition/repartition_site.h"

/* Of tally:meta and tally:store, NUL-terminated; "": there is no such key. Longer texts are none of Tally's: an error.
 */
int repartition_guard_read(struct repartition_site *site, char ret_meta[REPARTITION_MARK_SIZE],
                           char ret_store[REPARTITION_MARK_SIZE], struct error *error) MUST_CHECK;
/* tally:meta from one text to another; before "": there is none. Fails if it is something else by now. */
int repartition_guard_swap(struct repartition_site *site, const char *before, const char *after, struct error *error)
    MUST_CHECK;
/* Sets tally:store; and mark, on a Redis Cluster, for partitions 0 to partitions - 1. */
int repartition_guard_tell(struct repartition_site *site, const char *store, const char *mark, int partitions,
                           struct error *error) MUST_CHECK;

/* How many of the marks of a Redis Cluster's partitions let services in. */
struct repartition_let_in {
    int before; /* those of the old number */
    int after;  /* those of the new number */
};
/* Of partitions 0 to partitions - 1. mark: which store and numbers. */
int repartition_guard_let_in(struct repartition_site *site, const struct repartition_mark *mark, int partitions,
                             struct repartition_let_in *ret_let_in, struct error *error) MUST_CHECK;

/* Cuts all connections of clients that have no name, as Tally's, but this one's, with what they have sent and Redis has
 * not read. *ret_is_cut: false if Redis lets nobody do that. */
int repartition_guard_cut(struct repartition_site *site, bool *ret_is_cut, struct error *error) MUST_CHECK;
/* Waits until nobody follows an outbox any more, for some seconds more than a lease lives. */
int repartition_guard_await_leases(struct repartition_site *site, int partitions,
                                   const volatile sig_atomic_t *interrupted, struct error *error) MUST_CHECK;
/* Where connections could not be cut: sleeps for so long, or until interrupted, which is an error. */
int repartition_guard_await_calls(int wait_ms, const volatile sig_atomic_t *interrupted, struct error *error)
    MUST_CHECK;

#endif
