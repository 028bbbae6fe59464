/* Start-up errors: one sentence that a person can act on. Request-path results are `enum status` (status.h). */
#ifndef TALLY_COMMON_BASE_ERROR_H
#define TALLY_COMMON_BASE_ERROR_H

#include "common/base/compiler.h"

struct error {
    char message[512]; /* NUL-terminated, cut if longer */
};

/* Fills error->message. error may be NULL: then nothing happens. */
void error_set(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
