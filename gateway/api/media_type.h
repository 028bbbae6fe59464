/* How a body is said to be coded (RFC 9110, sections 8.3 and 8.4). Pure. */
#ifndef TALLY_GATEWAY_API_MEDIA_TYPE_H
#define TALLY_GATEWAY_API_MEDIA_TYPE_H

#include "common/base/text.h"

/* Returns NULL if it is JSON in UTF-8, else a static sentence. Either .data may be NULL: the field is missing. */
const char *media_type_check_json(struct text content_type, struct text content_encoding);

#endif
