#include "counter-service/ranking/ranking_merge.h"

#include <stdbool.h>
#include <string.h>

static bool is_better(const struct ranking_entry *left, const struct ranking_entry *right)
{
    if (left->score != right->score) {
        return left->score > right->score;
    }
    const struct text a = left->resource_id;
    const struct text b = right->resource_id;
    const int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order != 0 ? order < 0 : a.len < b.len;
}

/* The list with the best entry; NULL: all are used up. */
static struct ranking_list *best_of(struct ranking_list *lists, size_t list_count)
{
    struct ranking_list *best = NULL;
    for (size_t i = 0; i < list_count; i++) {
        if (lists[i].count > 0 && (best == NULL || is_better(lists[i].entries, best->entries))) {
            best = &lists[i];
        }
    }
    return best;
}

size_t ranking_merge(struct ranking_list *lists, size_t list_count, struct ranking_entry *out, size_t max)
{
    size_t count = 0;
    for (; count < max; count++) {
        struct ranking_list *best = best_of(lists, list_count);
        if (best == NULL) {
            break;
        }
        out[count] = best->entries[0];
        best->entries++;
        best->count--;
    }
    return count;
}
