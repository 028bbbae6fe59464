/* Listening TCP sockets. */
#ifndef TALLY_COMMON_NET_LISTENER_H
#define TALLY_COMMON_NET_LISTENER_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

enum {
    /* Addresses of one name that are listened on; more are left out. */
    LISTENERS_MAX = 8,
};

/* Who else may listen on the same port: no other Tally process. After FIRST, a foreign process of the same user may
 * if it asks for SO_REUSEPORT. */
enum listener_sharing {
    LISTENER_ALONE,
    LISTENER_FIRST, /* later sockets of this process may join */
    LISTENER_JOINS, /* joins the first (SO_REUSEPORT: the kernel shares the connections out) */
};

struct listeners {
    int fds[LISTENERS_MAX]; /* non-blocking */
    size_t count;
};

/* Binds and listens on every address of host ("0.0.0.0", "::", "localhost") that this machine has, and port (0: a free
 * one). Returns 0, or -1 with error filled. */
int listeners_open(const char *host, int port, enum listener_sharing sharing, struct listeners *ret_listeners,
                   struct error *error) MUST_CHECK;
void listeners_close(struct listeners *listeners);
/* The port that a listening descriptor is bound to. */
int listener_port(int fd);

#endif
