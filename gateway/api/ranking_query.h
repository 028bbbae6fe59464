/* What the query of a ranking's URL asks for: read and checked. Pure. */
#ifndef TALLY_GATEWAY_API_RANKING_QUERY_H
#define TALLY_GATEWAY_API_RANKING_QUERY_H

#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "common/http/http_query.h"
#include "gateway/batch/operation_list.h"

/* Which call it is for: each takes parameters of its own. */
enum ranking_query_kind {
    RANKING_QUERY_TOP = 1,  /* window, period, limit, offset */
    RANKING_QUERY_RANK = 2, /* window, period, neighbours */
};

/* The texts are visible ASCII, at most RANKING_NAME_LEN_MAX bytes: whether the ranking has them is for the service. */
struct ranking_query {
    struct text window; /* not empty */
    struct text period; /* empty: the running one */
    uint32_t limit;
    uint32_t offset;
    uint32_t neighbours;
};

/* Reads raw, which is decoded in place. Returns NULL with *ret_query set, whose texts point into raw; or a sentence
 * that names the parameter and the rule it breaks, and lives as long as those of sentences. */
const char *ranking_query_read(enum ranking_query_kind kind, struct http_query raw, struct operation_list *sentences,
                               struct ranking_query *ret_query) MUST_CHECK;

#endif
