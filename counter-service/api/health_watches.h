/* Who is to be told of the health, and what each was told last: the bookkeeping of grpc.health.v1 Watch
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). Each watcher has at most one message on its way;
 * changes in the meantime are told as one, the newest. No I/O, no locks: the owner guards it. */
#ifndef TALLY_COUNTER_SERVICE_API_HEALTH_WATCHES_H
#define TALLY_COUNTER_SERVICE_API_HEALTH_WATCHES_H

#include <stdbool.h>

#include "common/base/list.h"
#include "common/base/text.h"

/* Numbers of grpc.health.v1.HealthCheckResponse.ServingStatus. */
enum serving_status { SERVING_UNKNOWN = 0, SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

/* Whether this process serves a service of that name: "" is the whole. */
bool health_knows_service(struct text service);

struct watcher {
    /* Sends it the status; called by the owner, for what watcher_wants said. */
    void (*tell)(struct watcher *watcher, enum serving_status status);
    bool knows_service;
    enum serving_status told; /* SERVING_UNKNOWN: nothing yet */
    bool telling;             /* a message is on its way */
    bool removed;
    struct list_node node;
};

/* Zero-initialised is empty. */
struct health_watches {
    struct list watchers;
};

/* tell is set before; the rest of the watcher is filled in here. */
void health_watches_add(struct health_watches *watches, struct watcher *watcher, bool knows_service);
/* From now on watcher_wants is false for this watcher. Once. */
void health_watches_remove(struct health_watches *watches, struct watcher *watcher);

/* Whether the watcher is to be sent *ret_status now. If so, that status counts as told, and its message as on its
 * way until watcher_told. */
bool watcher_wants(struct watcher *watcher, bool serving, enum serving_status *ret_status);
/* The watcher's message has left: ask watcher_wants again. */
void watcher_told(struct watcher *watcher);

#endif
