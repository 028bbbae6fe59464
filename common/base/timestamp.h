/* Time for people and other programs to read: RFC 3339, UTC, with milliseconds. Thread-safe. */
#ifndef TALLY_COMMON_BASE_TIMESTAMP_H
#define TALLY_COMMON_BASE_TIMESTAMP_H

#include <stdint.h>

enum { TIMESTAMP_SIZE = 32 }; /* of any time that an int64 holds, and a NUL */

/* Writes "2026-11-23T07:30:31.654Z", NUL-terminated. realtime_us: microseconds since 1970, not before it. */
void timestamp_write(int64_t realtime_us, char out[TIMESTAMP_SIZE]);

#endif
