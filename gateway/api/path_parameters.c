#include "gateway/api/path_parameters.h"

#include "common/base/percent.h"
#include "common/contract/counter_rules.h"

/* Decodes the segment and returns what `rule` says of the decoded text. */
static const char *decode(struct text segment, char *out, size_t out_size, const char *(*rule)(struct text),
                          const char *badly_encoded, struct text *ret_text)
{
    if (segment.len > out_size) {
        return rule(segment); /* too long, however it is encoded */
    }
    struct text decoded = {out, 0};
    if (percent_decode(segment, out, &decoded.len) != 0) {
        return badly_encoded;
    }
    *ret_text = decoded;
    return rule(decoded);
}

const char *path_resource_id(struct request_state *state, size_t place, struct text *ret_text)
{
    return decode(state->match.parameters[place], state->resource_id, sizeof(state->resource_id),
                  counter_rules_resource_id,
                  "resource_id must have two hexadecimal digits behind each '%', and not %00", ret_text);
}

const char *path_counter_type(struct request_state *state, size_t place, struct text *ret_text)
{
    return decode(state->match.parameters[place], state->counter_type, sizeof(state->counter_type),
                  counter_rules_counter_type,
                  "counter_type must have two hexadecimal digits behind each '%', and not %00", ret_text);
}
