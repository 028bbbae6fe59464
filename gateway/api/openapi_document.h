/* The text of proto/openapi.yaml, NUL-terminated: what GET /openapi.yaml answers. Built in by common/base/embed.S. */
#ifndef TALLY_GATEWAY_API_OPENAPI_DOCUMENT_H
#define TALLY_GATEWAY_API_OPENAPI_DOCUMENT_H

#include <stddef.h>

extern const char openapi_document[];
extern const size_t openapi_document_len; /* without the NUL */

#endif
