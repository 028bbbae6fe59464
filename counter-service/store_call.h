/* How a call ends. */
#ifndef TALLY_COUNTER_SERVICE_STORE_CALL_H
#define TALLY_COUNTER_SERVICE_STORE_CALL_H

#include "counter-service/store.h"

/* From here on the call is the caller's again: it may be gone when this returns. */
static inline void store_call_finish(struct store_call *call, enum status status, const char *detail)
{
    call->status = status;
    call->detail = detail;
    call->done(call);
}

/* The same for a list, linked by next; NULL is fine. */
static inline void store_calls_finish(struct store_call *calls, enum status status, const char *detail)
{
    while (calls != NULL) {
        struct store_call *next = calls->next;
        store_call_finish(calls, status, detail);
        calls = next;
    }
}

#endif
