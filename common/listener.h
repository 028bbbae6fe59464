/* Listening TCP sockets. */
#ifndef TALLY_COMMON_LISTENER_H
#define TALLY_COMMON_LISTENER_H

#include <stdbool.h>

#include "common/compiler.h"
#include "common/error.h"

/* Binds and listens on host ("0.0.0.0", "::", "localhost") and port (0: a free one). reuse_port: others that ask for it
 * too may listen on the same port (SO_REUSEPORT). Returns a non-blocking descriptor, or -1 with error filled. */
int listener_open(const char *host, int port, bool reuse_port, struct error *error) MUST_CHECK;
/* The port that a listening descriptor is bound to. */
int listener_port(int fd);

#endif
