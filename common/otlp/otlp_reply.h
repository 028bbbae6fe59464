/* What a collector's answer means
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response). Pure. */
#ifndef TALLY_COMMON_OTLP_OTLP_REPLY_H
#define TALLY_COMMON_OTLP_OTLP_REPLY_H

#include <stdint.h>

#include "common/base/text.h"

enum { OTLP_SAID_SIZE = 256 };

enum otlp_verdict {
    OTLP_ACCEPTED, /* but for those rejected */
    OTLP_TRY_AGAIN,
    OTLP_REFUSED,
};

struct otlp_reply {
    enum otlp_verdict verdict;
    int64_t rejected;          /* of an accepted request: spans that are lost */
    char said[OTLP_SAID_SIZE]; /* why, in its words: printable ASCII; "" for nothing */
};

/* status: of HTTP. body: a part of it will do where there is much. */
void otlp_reply_read(int status, struct text body, struct otlp_reply *ret_reply);

#endif
