/* `enum status` -> problem document (RFC 9457). Pure. */
#ifndef TALLY_GATEWAY_JSON_STATUS_PROBLEM_H
#define TALLY_GATEWAY_JSON_STATUS_PROBLEM_H

#include <stdbool.h>

#include "common/base/buffer.h"
#include "common/contract/status.h"

/* Appends the document. detail: a sentence about this request, or NULL for the usual one of that status. A write's
 * tells its outcome. */
void status_problem_write(struct buffer *out, enum status status, const char *detail, bool is_write);

#endif
