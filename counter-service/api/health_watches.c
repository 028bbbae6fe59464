#include "counter-service/api/health_watches.h"

bool health_knows_service(struct text service)
{
    return service.len == 0 || text_equal(service, TEXT("tally.v1.CounterService"));
}

void health_watches_add(struct health_watches *watches, struct watcher *watcher, bool knows_service)
{
    *watcher = (struct watcher){.tell = watcher->tell, .knows_service = knows_service};
    list_append(&watches->watchers, &watcher->node);
}

void health_watches_remove(struct health_watches *watches, struct watcher *watcher)
{
    list_remove(&watches->watchers, &watcher->node);
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
