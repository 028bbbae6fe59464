#include "common/discovery/name_targets.h"

#include <sys/socket.h>

/* Returns how many addresses of the family there are. */
static size_t take_family(int family, int port, const struct addrinfo *addresses, struct target_set *set)
{
    set->count = 0;
    set->cut = 0;
    for (const struct addrinfo *one = addresses; one != NULL; one = one->ai_next) {
        char host[HOST_SIZE];
        if (one->ai_family == family &&
            getnameinfo(one->ai_addr, one->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST) == 0) {
            target_set_add(set, host, port);
        }
    }
    return set->count + set->cut;
}

void name_targets_of(const struct host_port *name, const struct addrinfo *addresses, struct target_set *ret_set)
{
    const size_t count_4 = take_family(AF_INET, name->port, addresses, ret_set);
    const size_t count_6 = take_family(AF_INET6, name->port, addresses, ret_set);
    if (count_4 == 1 && count_6 == 1) {
        ret_set->count = 0;
        target_set_add(ret_set, name->host, name->port);
    } else if (count_4 >= count_6) {
        (void)take_family(AF_INET, name->port, addresses, ret_set);
    }
}
