#include "tests/fakes/fake_resolver.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 256 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *addresses[ADDRESSES_MAX];
    size_t count;
    size_t lookups;
    bool held;
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct entry {
    struct addrinfo info; /* first: what freeaddrinfo gets */
    struct sockaddr_storage address;
};

void fake_resolver_answer(const char *const *addresses, size_t count)
{
    pthread_mutex_lock(&resolver.lock);
    resolver.count = count;
    for (size_t i = 0; i < count && i < ADDRESSES_MAX; i++) {
        resolver.addresses[i] = addresses[i];
    }
    pthread_mutex_unlock(&resolver.lock);
}

void fake_resolver_hold(bool hold)
{
    pthread_mutex_lock(&resolver.lock);
    resolver.held = hold;
    pthread_cond_broadcast(&resolver.changed);
    pthread_mutex_unlock(&resolver.lock);
}

size_t fake_resolver_lookups(void)
{
    pthread_mutex_lock(&resolver.lock);
    const size_t lookups = resolver.lookups;
    pthread_mutex_unlock(&resolver.lock);
    return lookups;
}

static struct addrinfo *entry_of(const char *text, struct addrinfo *next)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&entry->address;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&entry->address;
    const bool is_ipv4 = inet_pton(AF_INET, text, &ipv4->sin_addr) == 1;
    if (!is_ipv4) {
        inet_pton(AF_INET6, text, &ipv6->sin6_addr);
    }
    entry->address.ss_family = is_ipv4 ? AF_INET : AF_INET6;
    entry->info = (struct addrinfo){
        .ai_family = entry->address.ss_family,
        .ai_addr = (struct sockaddr *)&entry->address,
        .ai_addrlen = is_ipv4 ? sizeof(*ipv4) : sizeof(*ipv6),
        .ai_next = next,
    };
    return &entry->info;
}

static struct addrinfo *list_locked(void)
{
    struct addrinfo *list = NULL;
    for (size_t i = resolver.count; i-- > 0;) {
        list = entry_of(resolver.addresses[i], list);
    }
    return list;
}

struct addrinfo *fake_resolver_list(void)
{
    pthread_mutex_lock(&resolver.lock);
    struct addrinfo *list = list_locked();
    pthread_mutex_unlock(&resolver.lock);
    return list;
}

int fake_resolver_getaddrinfo(struct addrinfo **ret_list)
{
    pthread_mutex_lock(&resolver.lock);
    resolver.lookups++;
    while (resolver.held) {
        pthread_cond_wait(&resolver.changed, &resolver.lock);
    }
    *ret_list = list_locked();
    pthread_mutex_unlock(&resolver.lock);
    return *ret_list == NULL ? EAI_NONAME : 0;
}

void fake_resolver_freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}
