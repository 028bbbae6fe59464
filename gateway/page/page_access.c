#include "gateway/page/page_access.h"

#include "common/process/pprof_access.h"

enum page_access page_access_of(enum status_page status_page, const struct http_request *request)
{
    switch (status_page) {
    case STATUS_PAGE_OFF:
        return PAGE_OFF;
    case STATUS_PAGE_ON:
        return PAGE_ALLOWED;
    default:
        return http_request_peer(request).is_loopback && !pprof_access_was_forwarded(request) &&
                       !pprof_access_is_of_another_page(request)
                   ? PAGE_ALLOWED
                   : PAGE_FORBIDDEN;
    }
}
