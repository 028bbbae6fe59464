/* How many bytes of memory the bodies of requests and answers may take together, and do. Shared by the loops of a
 * process: any thread. Usual bodies are not counted: a single increment costs nothing, and is not refused because of
 * somebody's batches. An answer takes its bytes whether there is room or not, since what it tells has happened; while
 * answers exceed the bound, no body of a request finds room. */
#ifndef TALLY_COMMON_HTTP_HTTP_BUDGET_H
#define TALLY_COMMON_HTTP_HTTP_BUDGET_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"

enum {
    /* A body up to this is not counted: all such bodies together are bounded by the number of connections. */
    HTTP_BUDGET_FREE = 4 * 1024,
};

struct http_budget {
    size_t max; /* bytes; immutable */
    atomic_size_t used;
};

/* False: there are not so many bytes left, and nothing was taken. */
static inline bool http_budget_take(struct http_budget *budget, size_t bytes) MUST_CHECK;

static inline bool http_budget_take(struct http_budget *budget, size_t bytes)
{
    const size_t before = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
    if (bytes <= budget->max && before <= budget->max - bytes) {
        return true;
    }
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    return false;
}

/* For bytes that are in use already: takes them even if that exceeds max. */
static inline void http_budget_take_anyway(struct http_budget *budget, size_t bytes)
{
    atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
}

static inline void http_budget_give_back(struct http_budget *budget, size_t bytes)
{
    const size_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    assert(before >= bytes);
    (void)before;
}

static inline size_t http_budget_used(const struct http_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

#endif
