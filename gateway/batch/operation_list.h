/* The operations that one HTTP request asks for, and the sentences about what is wrong with them. Kept from request to
 * request, so that a request of usual size costs no malloc. Owned by the request; loop thread only. */
#ifndef TALLY_GATEWAY_BATCH_OPERATION_LIST_H
#define TALLY_GATEWAY_BATCH_OPERATION_LIST_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/compiler.h"
#include "gateway/batch/operation.h"

struct operation_list {
    struct operation *items;
    size_t count;
    size_t capacity;
    struct arena sentences;
};

void operation_list_init(struct operation_list *list);
void operation_list_done(struct operation_list *list);
/* Forgets operations and sentences. Keeps the memory of a few operations, gives back more. */
void operation_list_clear(struct operation_list *list);

/* A new operation at the end, zeroed; NULL when out of memory. Pointers to earlier ones are stale then. */
struct operation *operation_list_add(struct operation_list *list) MUST_CHECK;

/* Makes a sentence that lives until operation_list_clear. Never NULL: when out of memory it is a static one that says
 * less. */
const char *operation_list_sentence(struct operation_list *list, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
