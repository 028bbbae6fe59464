/* Who asks, of a distributed trace: the header fields traceparent and tracestate (W3C Trace Context,
 * www.w3.org/TR/trace-context). Pure. */
#ifndef TALLY_COMMON_TRACE_TRACE_CONTEXT_H
#define TALLY_COMMON_TRACE_TRACE_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

enum {
    TRACE_ID_BYTES = 16,
    TRACE_SPAN_ID_BYTES = 8,
    TRACE_PARENT_LEN = 55, /* "00-<32 hexadecimal digits>-<16>-<2>" */
    TRACE_ID_SIZE = 2 * TRACE_ID_BYTES + 1,
    /* Over it a tracestate is not passed on: the least that the recommendation asks of a propagator (3.3.1.5). */
    TRACE_STATE_LEN_MAX = 512,
    TRACE_STATE_MEMBERS_MAX = 32,
};

struct trace_context {
    uint8_t trace_id[TRACE_ID_BYTES];     /* never zero */
    uint8_t span_id[TRACE_SPAN_ID_BYTES]; /* of the caller's span; never zero */
    bool is_sampled;                      /* the caller keeps its part of the trace */
};

/* Returns 0, or -1 if text is none: it is as if there were no such field then. A later version is read by what stands
 * in this one's places. */
int trace_context_parse(struct text text, struct trace_context *ret_context) MUST_CHECK;
/* Of version 00; not NUL-terminated. */
void trace_context_write(const struct trace_context *context, char out[TRACE_PARENT_LEN]);
/* The digits of its trace's id, and a NUL. */
void trace_context_write_id(const struct trace_context *context, char out[TRACE_ID_SIZE]);

/* Whether text is a tracestate that may be passed on: some key=value, separated by commas. */
bool trace_state_is_valid(struct text text);

#endif
