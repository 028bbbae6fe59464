/* Compresses what is sent (RFC 1952); this module alone includes zlib's header. Pure. */
#ifndef TALLY_COMMON_OTLP_GZIP_H
#define TALLY_COMMON_OTLP_GZIP_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/text.h"

/* Appends data to out, compressed: the same bytes each time. Returns 0, or -1 when out of memory. */
int gzip_compress(struct text data, struct buffer *out) MUST_CHECK;

#endif
