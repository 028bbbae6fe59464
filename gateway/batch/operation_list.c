#include "gateway/batch/operation_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    /* Operations kept between requests, 6 KiB: thousands of idle requests must not hold a large batch each. */
    OPERATIONS_KEPT_MAX = 64,
    OPERATIONS_GROWTH = 4,
};

void operation_list_init(struct operation_list *list)
{
    *list = (struct operation_list){0};
    arena_init(&list->sentences);
}

void operation_list_done(struct operation_list *list)
{
    arena_done(&list->sentences);
    free(list->items);
    list->items = NULL;
    list->capacity = 0;
    list->count = 0;
}

void operation_list_clear(struct operation_list *list)
{
    if (list->sentences.blocks != NULL) {
        arena_done(&list->sentences);
    }
    if (list->capacity > OPERATIONS_KEPT_MAX) {
        operation_list_done(list);
    }
    list->count = 0;
}

struct operation *operation_list_add(struct operation_list *list)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity > 0 ? list->capacity * OPERATIONS_GROWTH : 1;
        struct operation *items = realloc(list->items, capacity * sizeof(*items));
        if (items == NULL) {
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    struct operation *operation = &list->items[list->count++];
    *operation = (struct operation){0};
    return operation;
}

static char *format_in(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *sentence = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (sentence != NULL) {
        vsnprintf(sentence, (size_t)len + 1, format, arguments);
    }
    return sentence;
}

const char *operation_list_sentence(struct operation_list *list, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *sentence = format_in(&list->sentences, format, arguments);
    va_end(arguments);
    return sentence != NULL ? sentence : "a field breaks a rule";
}
