#include "gateway/pool/target_list.h"

#include <stdlib.h>
#include <string.h>

int target_list_init(struct target_list *list, const char *const *targets, size_t count, size_t max)
{
    const size_t kept = count < max ? count : max;
    *list = (struct target_list){.targets = calloc(kept > 0 ? kept : 1, sizeof(char *))};
    if (list->targets == NULL) {
        return -1;
    }
    for (; list->count < kept; list->count++) {
        list->targets[list->count] = strdup(targets[list->count]);
        if (list->targets[list->count] == NULL) {
            target_list_done(list);
            return -1;
        }
    }
    return 0;
}

void target_list_done(struct target_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->targets[i]);
    }
    free(list->targets);
    *list = (struct target_list){.targets = NULL};
}
