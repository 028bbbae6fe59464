#include "gateway/request_wait.h"

#include <assert.h>
#include <stddef.h>

#include "gateway/request_state.h"

static void append(struct request_list *list, struct request_state *state)
{
    struct request_state *last = list->last;
    assert((list->first == NULL) == (last == NULL));
    state->wait.previous = last;
    state->wait.next = NULL;
    *(last != NULL ? &last->wait.next : &list->first) = state;
    list->last = state;
}

static void take_out(struct request_list *list, const struct request_state *state)
{
    struct request_state *previous = state->wait.previous;
    struct request_state *next = state->wait.next;
    assert(previous != NULL ? previous->wait.next == state : list->first == state);
    assert(next != NULL ? next->wait.previous == state : list->last == state);
    *(previous != NULL ? &previous->wait.next : &list->first) = next;
    *(next != NULL ? &next->wait.previous : &list->last) = previous;
}

void request_wait_begin(struct request_state *state, const struct request_wait_kind *kind, struct request_list *list)
{
    assert(state->wait.kind == NULL);
    assert(list == NULL || kind->abort != NULL);
    state->wait.kind = kind;
    state->wait.list = list;
    if (list != NULL) {
        append(list, state);
    }
}

void request_wait_end(struct request_state *state)
{
    assert(state->wait.kind != NULL);
    if (state->wait.list != NULL) {
        take_out(state->wait.list, state);
    }
    state->wait.kind = NULL;
    state->wait.list = NULL;
}

void request_wait_abandon(struct request_state *state)
{
    assert(state->wait.kind != NULL);
    state->wait.kind->abandon(state);
}

void request_list_abort(struct request_list *list)
{
    while (list->first != NULL) {
        struct request_state *first = list->first;
        first->wait.kind->abort(first);
        assert(list->first != first);
    }
}
