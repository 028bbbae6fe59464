/* What a setting must look like to be handed to http_client.h. Pure functions. */
#ifndef TALLY_COMMON_NET_HTTP_SYNTAX_H
#define TALLY_COMMON_NET_HTTP_SYNTAX_H

#include <stdbool.h>

/* Whether text is "http://HOST[:PORT][/PATH]", or https://..., at most 512 bytes: no user, query or fragment. */
bool http_url_is_valid(const char *text);
/* Whether text is a header line "Name: value" (RFC 9110, section 5): the name a token, the value visible ASCII with
 * blanks inside, at most 4096 bytes; and not one of those that say how a body is sent. */
bool http_header_is_valid(const char *text);

#endif
