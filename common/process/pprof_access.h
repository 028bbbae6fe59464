/* Who may have profiles of this process: they tell what it does, and cost. */
#ifndef TALLY_COMMON_PROCESS_PPROF_ACCESS_H
#define TALLY_COMMON_PROCESS_PPROF_ACCESS_H

#include <stdbool.h>

#include "common/config/config.h"
#include "common/http/http_peer.h"
#include "common/http/http_server.h"

/* Whether the configuration lets this caller have them. */
bool pprof_access_allows(const struct config *config, const struct http_peer *peer);
/* Whether a request to this Host names this machine, and no name that anybody else gives it: "localhost:8080",
 * "127.0.0.1", "[::1]:8080". A page whose host's name leads here (DNS rebinding) names another. NULL: none came. */
bool pprof_access_is_own_host(const char *host);
/* Whether a proxy has passed the request on, and says so. */
bool pprof_access_was_forwarded(const struct http_request *request);
/* Whether a page in a browser made the request or led to it, of another origin than this server's, or one whose host's
 * name leads here. */
bool pprof_access_is_of_another_page(const struct http_request *request);
/* NULL, or the sentence why the request is refused. */
const char *pprof_access_refuses(const struct config *config, const struct http_request *request);

#endif
