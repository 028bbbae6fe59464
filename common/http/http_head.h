/* The head of a request, as libmicrohttpd found it, read into what the application is told: target, the fields that it
 * wants, and what is wrong with it. http_intake has seen to it that the lines are well-formed and the framing is clear.
 * Private to http_server. Pure. */
#ifndef TALLY_COMMON_HTTP_HTTP_HEAD_H
#define TALLY_COMMON_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"
#include "common/http/http_server.h"

struct http_head {
    const struct http_application *application; /* what it wants */
    struct http_request *request;               /* to be filled */
    size_t content_length;                      /* 0 if it is not given */
    unsigned host_count;
    const char *fault; /* static sentence; the first one */
};

/* The request line. application outlives the head. target: without its query; stays the caller's. */
void http_head_begin(struct http_head *head, const struct http_application *application, struct http_request *request,
                     const char *method, const char *target);
/* Each field. Both texts stay the caller's. */
void http_head_field(struct http_head *head, struct text name, struct text value);
/* The head is complete. Returns NULL if it is as RFC 9112 has it, else a static sentence. */
const char *http_head_end(struct http_head *head, const char *version);

/* Whether text is uri-host [":" port] (RFC 9110, section 7.2), and not empty. */
bool http_head_is_authority(struct text text);

#endif
