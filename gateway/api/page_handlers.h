/* The status page (gateway/page/): GET / and what the page asks for. Loop thread only. */
#ifndef TALLY_GATEWAY_API_PAGE_HANDLERS_H
#define TALLY_GATEWAY_API_PAGE_HANDLERS_H

#include "gateway/http/request_state.h"

#define PAGE_PATH "/"
#define PAGE_STYLE_PATH "/status.css"
#define PAGE_SCRIPT_PATH "/status.js"
#define PAGE_DATA_PATH "/status.json"

/* GET of each of them. Whoever wants JSON of PAGE_PATH gets the document of /health. */
void handle_page(struct request_state *state);

#endif
