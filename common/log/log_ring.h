/* The bounded memory between those who log and the thread that writes: bytes of whole lines, oldest first.
 * Not thread-safe: the logger holds its lock around every call. */
#ifndef TALLY_COMMON_LOG_LOG_RING_H
#define TALLY_COMMON_LOG_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"

enum { LOG_RING_BYTES = 256 * 1024 }; /* about a thousand lines: seconds of a daemon in trouble */

/* Zero-initialised is empty. */
struct log_ring {
    char data[LOG_RING_BYTES];
    size_t start;
    size_t len;
};

/* Puts in a line, which ends with a newline. False if there is no room: then the ring is unchanged. */
bool log_ring_push(struct log_ring *ring, const char *line, size_t len) MUST_CHECK;
/* Takes out as many whole lines as fit into capacity bytes, which must be enough for the longest line. Returns their
 * length; 0 if the ring is empty. */
size_t log_ring_pop(struct log_ring *ring, char *out, size_t capacity);

#endif
