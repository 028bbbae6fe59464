/* The line that the log has of each HTTP request at `debug`. It says nothing that a client chose but the method, which
 * is one of a few, and a request id, which has been checked: no path, no query, no header. Any thread. */
#ifndef TALLY_COMMON_PROCESS_HTTP_ACCESS_H
#define TALLY_COMMON_PROCESS_HTTP_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/http/http_peer.h"
#include "common/http/http_server.h"
#include "common/log/log.h"
#include "common/trace/trace_context.h"

struct http_access {
    enum http_method method;
    const char *route; /* the pattern that the path matched; "unmatched" */
    int status;
    size_t body_len; /* of the answer, in bytes, also where HEAD got none */
    int64_t duration_us;
    struct http_peer peer;
    const char *request_id;            /* NULL: it has none */
    const struct trace_context *trace; /* NULL: it is not traced */
};

/* To be asked before an http_access is made: otherwise it is for nothing. */
static inline bool http_access_is_logged(void)
{
    return log_level() == LOG_LEVEL_DEBUG;
}

void http_access_log(const struct http_access *access);

#endif
