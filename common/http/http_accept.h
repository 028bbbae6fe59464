/* Which of several forms of a document a client wants: the header field Accept (RFC 9110, section 12.5.1). Pure. */
#ifndef TALLY_COMMON_HTTP_HTTP_ACCEPT_H
#define TALLY_COMMON_HTTP_HTTP_ACCEPT_H

#include <stddef.h>

#include "common/base/text.h"

enum {
    HTTP_FORMS_MAX = 4,
    HTTP_WEIGHT_ONE = 1000,
    HTTP_WEIGHT_INVALID = -1,
};

/* A form that there is. */
struct http_form {
    const char *media_type; /* "text/plain" */
    const char *version;    /* what its parameter `version` says */
};

/* The place in forms of the one that is wanted most, the first of equals. accept: the values of all lines of the field,
 * a comma between them; empty if there is none. If no form is wanted, the first: the client may be glad of it, and is
 * told what it is. A range that names no version wants every one; its other parameters but q are passed over, and so is
 * a range with a weight that is none. count: at most HTTP_FORMS_MAX. */
size_t http_accept_choose(struct text accept, const struct http_form *forms, size_t count);

/* A weight, as of "q=0.5" the "0.5": in thousandths, up to HTTP_WEIGHT_ONE, since it has three digits behind its point
 * at most (section 12.4.2). HTTP_WEIGHT_INVALID if it is none. */
int http_weight_read(struct text text);

#endif
