/* A doubly linked list whose links lie in its elements, so that adding and taking out need no memory and no search. An
 * element is in one list at a time for each of its list_nodes. The owner of the list guards it.
 *
 *     struct thing { struct list_node node; ... };
 *     LIST_EACH (struct thing, thing, &things, node) { ... }
 */
#ifndef TALLY_COMMON_BASE_LIST_H
#define TALLY_COMMON_BASE_LIST_H

#include <assert.h>
#include <stddef.h>

#include "common/base/compiler.h"

struct list_node {
    struct list_node *next;
    struct list_node *previous;
};

/* Zero-initialised is empty. */
struct list {
    struct list_node *first;
    struct list_node *last;
};

static inline void list_append(struct list *list, struct list_node *node)
{
    node->next = NULL;
    node->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = node;
    list->last = node;
}

static inline void list_prepend(struct list *list, struct list_node *node)
{
    node->next = list->first;
    node->previous = NULL;
    *(list->first != NULL ? &list->first->previous : &list->last) = node;
    list->first = node;
}

/* node is in the list. */
static inline void list_remove(struct list *list, struct list_node *node)
{
    assert(node->previous != NULL || list->first == node);
    assert(node->next != NULL || list->last == node);
    *(node->previous != NULL ? &node->previous->next : &list->first) = node->next;
    *(node->next != NULL ? &node->next->previous : &list->last) = node->previous;
}

/* The element that the node, which may be NULL, lies in. */
#define LIST_ENTRY(node, type, member) ((node) == NULL ? NULL : CONTAINER_OF((node), type, member))

/* From the first to the last. The body may not take the element out, nor the one after it. */
#define LIST_EACH(type, element, list, member) \
    for (type *element = LIST_ENTRY((list)->first, type, member); (element) != NULL; \
         (element) = LIST_ENTRY((element)->member.next, type, member))

#endif
