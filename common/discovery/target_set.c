#include "common/discovery/target_set.h"

#include <stdbool.h>
#include <string.h>

/* Where target is, or belongs. */
static size_t place_of(const struct target_set *set, const char *target, bool *ret_is_there)
{
    size_t place = 0;
    int order = 1;
    while (place < set->count && (order = strcmp(target, set->targets[place])) > 0) {
        place++;
    }
    *ret_is_there = place < set->count && order == 0;
    return place;
}

void target_set_add(struct target_set *set, const char *host, int port)
{
    char target[HOST_PORT_SIZE] = "";
    bool is_there;
    host_port_write(host, port, target);
    const size_t place = place_of(set, target, &is_there);
    if (is_there) {
        return;
    }
    if (set->count == INSTANCES_MAX) {
        set->cut++;
        if (place == INSTANCES_MAX) {
            return;
        }
        set->count--; /* the last one makes room */
    }
    char(*at)[HOST_PORT_SIZE] = set->targets + place;
    memmove(at + 1, at, (set->count - place) * sizeof(*at));
    memcpy(at, target, sizeof(*at));
    set->count++;
}

void target_set_list(const struct target_set *set, const char *ret_targets[INSTANCES_MAX])
{
    for (size_t i = 0; i < set->count; i++) {
        ret_targets[i] = set->targets[i];
    }
}
