/* Bodies of the counter calls' answers (proto/openapi.yaml says what they look like), written by hand, so that a value
 * keeps all its digits, and because this is the hot path. Pure. */
#ifndef TALLY_GATEWAY_JSON_COUNTER_JSON_WRITE_H
#define TALLY_GATEWAY_JSON_COUNTER_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "gateway/batch/operation.h"

/* {"resource_id","counter_type","value"} of an operation that went well. */
void counter_json_write_counter(struct buffer *out, const struct operation *operation);

/* {"results":[...]}, each a counter with "replayed" if it is so, or
 * {"resource_id"?,"counter_type"?,"error":{problem}}. */
void counter_json_write_results(struct buffer *out, const struct operation *operations, size_t count, bool is_write);

/* {"resource_id","counters":{...}} in steps: begin, a call for each counter, end. */
void counter_json_begin_list(struct buffer *out, struct text resource_id);
void counter_json_add_to_list(struct buffer *out, struct text counter_type, int64_t value, bool is_first);
void counter_json_end_list(struct buffer *out);

#endif
