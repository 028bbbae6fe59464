#include "gateway/http/request_wait.h"

#include <assert.h>
#include <stddef.h>

#include "gateway/http/request_state.h"

void request_wait_begin(struct request_state *state, const struct request_wait_kind *kind, struct list *list)
{
    assert(state->wait.kind == NULL);
    assert(list == NULL || kind->abort != NULL);
    state->wait.kind = kind;
    state->wait.list = list;
    if (list != NULL) {
        list_append(list, &state->wait.node);
    }
}

void request_wait_end(struct request_state *state)
{
    assert(state->wait.kind != NULL);
    if (state->wait.list != NULL) {
        list_remove(state->wait.list, &state->wait.node);
    }
    state->wait.kind = NULL;
    state->wait.list = NULL;
}

void request_wait_abandon(struct request_state *state)
{
    assert(state->wait.kind != NULL);
    state->wait.kind->abandon(state);
}

struct request_state *request_wait_first(const struct list *list)
{
    return LIST_ENTRY(list->first, struct request_state, wait.node);
}

void request_wait_abort_all(struct list *list)
{
    for (struct request_state *first; (first = request_wait_first(list)) != NULL;) {
        first->wait.kind->abort(first);
        assert(request_wait_first(list) != first);
    }
}
