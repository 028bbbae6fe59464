/* X-Request-Id: the caller's own, or a new one. */
#ifndef TALLY_GATEWAY_HTTP_REQUEST_ID_H
#define TALLY_GATEWAY_HTTP_REQUEST_ID_H

#include "common/base/prng.h"
#include "common/base/text.h"

enum { REQUEST_ID_SIZE = 129 }; /* 128 bytes and a NUL */

/* Writes the id of an answer, NUL-terminated: `given` if it is 1-128 visible ASCII, else 16 hexadecimal digits of
 * prng. */
void request_id_write(struct prng *prng, struct text given, char out[REQUEST_ID_SIZE]);

#endif
