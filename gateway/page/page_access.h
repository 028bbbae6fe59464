/* Who may see the status page: server.status_page. */
#ifndef TALLY_GATEWAY_PAGE_PAGE_ACCESS_H
#define TALLY_GATEWAY_PAGE_PAGE_ACCESS_H

#include "common/config/config.h"
#include "common/http/http_server.h"

enum page_access {
    PAGE_ALLOWED,
    PAGE_OFF,       /* there is no page */
    PAGE_FORBIDDEN, /* not for this caller */
};

/* "loopback" lets in callers at a loopback address as debug.pprof does, and the page's own requests besides: no proxy
 * that says that it is one, no page of another origin, whatever server.cors_origins has, and no name but localhost or
 * an address, so that a name that leads here (DNS rebinding) opens nothing. Loop thread, and not after on_gone. */
enum page_access page_access_of(enum status_page status_page, const struct http_request *request);

#endif
