/* What a path names: its segments percent-decoded and checked. Loop thread only. */
#ifndef TALLY_GATEWAY_API_PATH_PARAMETERS_H
#define TALLY_GATEWAY_API_PATH_PARAMETERS_H

#include "common/base/compiler.h"
#include "gateway/http/request_state.h"

/* place: of the parameter in the route's pattern, from 0. Each returns NULL with *ret_text set, which points into
 * state; or a static sentence that names the rule it breaks. */
const char *path_resource_id(struct request_state *state, size_t place, struct text *ret_text) MUST_CHECK;
const char *path_counter_type(struct request_state *state, size_t place, struct text *ret_text) MUST_CHECK;

#endif
