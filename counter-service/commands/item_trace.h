/* The trace that items of a call belong to, or the call as a whole. Lies in the call's arena. */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_ITEM_TRACE_H
#define TALLY_COUNTER_SERVICE_COMMANDS_ITEM_TRACE_H

#include <stddef.h>

#include "common/base/text.h"
#include "common/trace/tracer.h"

/* For place. */
#define ITEM_TRACE_WHOLE SIZE_MAX

struct item_trace {
    struct item_trace *next;
    size_t place;           /* of the first among the call's items; ITEM_TRACE_WHOLE: it is the whole call's */
    size_t count;           /* from there on */
    struct trace_step step; /* of the service, within the caller's */
    struct text state;      /* tracestate; the call's */
};

#endif
