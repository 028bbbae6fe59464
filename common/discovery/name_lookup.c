#include "common/discovery/name_lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/discovery/name_targets.h"
#include "common/thread/condition.h"
#include "common/thread/thread.h"

struct name_lookup {
    /* immutable after start */
    struct host_port name;
    pthread_t thread;
    /* owned by the thread until it is over */
    struct target_set set;
    struct error error; /* "": it succeeded */
    /* guarded by lock, under which no other is taken */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
    bool left; /* the owner waits no longer: if not over, the thread frees it */
};

static void release(struct name_lookup *lookup)
{
    pthread_mutex_destroy(&lookup->lock);
    pthread_cond_destroy(&lookup->changed);
    free(lookup);
}

static void look_up(struct name_lookup *lookup)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    const int failure = getaddrinfo(lookup->name.host, NULL, &hints, &addresses);
    if (failure != 0) {
        error_set(&lookup->error, "cannot resolve %s: %s", lookup->name.host,
                  failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure));
        return;
    }
    name_targets_of(&lookup->name, addresses, &lookup->set);
    freeaddrinfo(addresses);
    if (lookup->set.count == 0) {
        error_set(&lookup->error, "cannot resolve %s: it has no address", lookup->name.host);
    }
}

static void *run(void *data)
{
    struct name_lookup *lookup = data;
    look_up(lookup);
    pthread_mutex_lock(&lookup->lock);
    lookup->over = true;
    const bool left = lookup->left;
    pthread_cond_signal(&lookup->changed);
    pthread_mutex_unlock(&lookup->lock);
    if (left) {
        release(lookup);
    }
    return NULL;
}

struct name_lookup *name_lookup_start(const struct host_port *name, struct error *error)
{
    struct name_lookup *lookup = calloc(1, sizeof(*lookup));
    if (lookup == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    lookup->name = *name;
    pthread_mutex_init(&lookup->lock, NULL);
    condition_init(&lookup->changed);
    if (thread_start(&lookup->thread, "name-lookup", run, lookup, error) != 0) {
        release(lookup);
        return NULL;
    }
    return lookup;
}

bool name_lookup_wait(struct name_lookup *lookup, int timeout_ms)
{
    const int64_t until_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    pthread_mutex_lock(&lookup->lock);
    while (!lookup->over && condition_wait(&lookup->changed, &lookup->lock, until_us)) {
        /* woken for nothing */
    }
    const bool over = lookup->over;
    pthread_mutex_unlock(&lookup->lock);
    return over;
}

/* Returns whether the look-up was over; if not, the thread owns it from now on. */
static bool take_back(struct name_lookup *lookup)
{
    const pthread_t thread = lookup->thread;
    pthread_mutex_lock(&lookup->lock);
    const bool over = lookup->over;
    lookup->left = true;
    pthread_mutex_unlock(&lookup->lock);
    if (over) {
        pthread_join(thread, NULL);
    } else {
        pthread_detach(thread);
    }
    return over;
}

int name_lookup_end(struct name_lookup *lookup, struct target_set *ret_set, struct error *error)
{
    const struct host_port name = lookup->name;
    if (!take_back(lookup)) {
        error_set(error, "cannot resolve %s: no answer yet", name.host);
        return -1;
    }
    const bool failed = lookup->error.message[0] != '\0';
    if (failed) {
        error_set(error, "%s", lookup->error.message);
    } else {
        *ret_set = lookup->set;
    }
    release(lookup);
    return failed ? -1 : 0;
}
