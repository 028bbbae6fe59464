/* Follows the addresses of a name on a thread of its own: looks it up at once, then each interval, and sooner while
 * nobody of the last set serves. The other source of instances is consul_watch.h. */
#ifndef TALLY_COMMON_DISCOVERY_NAME_WATCH_H
#define TALLY_COMMON_DISCOVERY_NAME_WATCH_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/discovery/discovery_state.h"
#include "common/discovery/target_set.h"
#include "common/net/host_port.h"

struct name_watch;

struct name_watch_options {
    struct host_port name; /* copied */
    int interval_ms;
    /* Called on the watch's thread with what each look-up found, which may well be what the one before did; never when
     * the look-up failed: the last set stays the last set. */
    target_set_handler on_addresses;
    /* Asked on the watch's thread: whether an instance serves now. */
    bool (*is_served)(void *ctx);
    void *ctx;
};

/* The name need not be known yet. Returns NULL with error filled when out of memory or threads. */
struct name_watch *name_watch_create(const struct name_watch_options *options, struct error *error) MUST_CHECK;
/* Ends the watch's thread without waiting for a look-up: afterwards the handlers are not called. Any one thread but the
 * watch's own, before name_watch_free begins. A second call, or NULL, is fine. */
void name_watch_stop(struct name_watch *watch);
/* Stops it if that was not done. NULL is fine. */
void name_watch_free(struct name_watch *watch);

/* Any thread. */
void name_watch_describe(struct name_watch *watch, struct discovery_description *ret_description);

#endif
