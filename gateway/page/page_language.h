/* Which language of the status page a browser wants: the header field Accept-Language (RFC 9110, section 12.5.4). Pure.
 */
#ifndef TALLY_GATEWAY_PAGE_PAGE_LANGUAGE_H
#define TALLY_GATEWAY_PAGE_PAGE_LANGUAGE_H

#include "common/base/text.h"

/* "en" or "zh-CN", static: the one of the greater weight, of equals the one named first, English if neither is named.
 * accept: the values of all lines of the field, a comma between them; empty if there is none. A range stands for what
 * is in its language ("zh-TW" is Chinese); one whose weight is none is passed over. */
const char *page_language_choose(struct text accept);

#endif
