#include "counter-service/health_watches.h"

#include <stddef.h>

bool health_knows_service(struct text service)
{
    return service.len == 0 || text_equal(service, TEXT("tally.v1.CounterService"));
}

void health_watches_add(struct health_watches *watches, struct watcher *watcher, bool knows_service)
{
    *watcher = (struct watcher){.tell = watcher->tell, .knows_service = knows_service, .next = watches->first};
    if (watcher->next != NULL) {
        watcher->next->previous = watcher;
    }
    watches->first = watcher;
}

void health_watches_remove(struct health_watches *watches, struct watcher *watcher)
{
    if (watcher->previous != NULL) {
        watcher->previous->next = watcher->next;
    } else {
        watches->first = watcher->next;
    }
    if (watcher->next != NULL) {
        watcher->next->previous = watcher->previous;
    }
    watcher->removed = true;
}

bool watcher_wants(struct watcher *watcher, bool serving, enum serving_status *ret_status)
{
    enum serving_status status = serving ? SERVING : NOT_SERVING;
    if (!watcher->knows_service) {
        status = SERVICE_UNKNOWN;
    }
    if (watcher->removed || watcher->telling || watcher->told == status) {
        return false;
    }
    watcher->telling = true;
    watcher->told = status;
    *ret_status = status;
    return true;
}

void watcher_told(struct watcher *watcher)
{
    watcher->telling = false;
}
