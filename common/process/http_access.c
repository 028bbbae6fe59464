#include "common/process/http_access.h"

enum { FIELDS_MAX = 8 };

void http_access_log(const struct http_access *access)
{
    struct log_field fields[FIELDS_MAX];
    size_t count = 0;
    fields[count++] = LOG_STR("method", http_method_name(access->method));
    fields[count++] = LOG_STR("route", access->route);
    fields[count++] = LOG_INT("status", access->status);
    fields[count++] = LOG_INT("bytes", access->body_len);
    fields[count++] = LOG_INT("duration_us", access->duration_us);
    fields[count++] = LOG_STR("peer", access->peer.address);
    if (access->request_id != NULL) {
        fields[count++] = LOG_STR("request_id", access->request_id);
    }
    char trace_id[TRACE_ID_SIZE];
    if (access->trace != NULL) {
        trace_context_write_id(access->trace, trace_id);
        fields[count++] = LOG_STR("trace_id", trace_id);
    }
    log_write(LOG_LEVEL_DEBUG, "http", "request answered", fields, count);
}
