#include "common/config/config_rankings.h"

#include <stdlib.h>
#include <string.h>

#include "common/config/config_ranking.h"
#include "common/config/config_schema.h"

static void free_rankings(struct ranking_config *rankings, size_t count)
{
    for (size_t i = 0; rankings != NULL && i < count; i++) {
        free(rankings[i].counter_type);
    }
    free(rankings);
}

/* Fills entry `index` of rankings from raw. */
static int read_entry(const struct config_raw_ranking *raw, struct ranking_config *rankings, size_t index,
                      struct error *error)
{
    struct error rule;
    if (config_ranking_read(raw, &rankings[index], &rule) != 0) {
        error_set(error, "rankings[%zu].%s", index, rule.message);
        return -1;
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(rankings[i].counter_type, rankings[index].counter_type) == 0) {
            error_set(error, "rankings[%zu].counter_type must not be \"%s\" again: rankings[%zu] has it", index,
                      rankings[i].counter_type, i);
            return -1;
        }
    }
    return 0;
}

int config_rankings_set(struct config *config, const struct config_raw_ranking *entries, size_t count,
                        struct error *error)
{
    if (count > RANKINGS_MAX) {
        error_set(error, "rankings must have at most %d entries", RANKINGS_MAX);
        return -1;
    }
    struct ranking_config *rankings = count == 0 ? NULL : calloc(count, sizeof(*rankings));
    if (count > 0 && rankings == NULL) {
        error_set(error, "rankings: out of memory");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (read_entry(&entries[i], rankings, i, error) != 0) {
            free_rankings(rankings, count);
            return -1;
        }
    }
    config_rankings_clear(config);
    config->rankings = rankings;
    config->ranking_count = count;
    return 0;
}

int config_rankings_set_text(struct config *config, const char *yaml, struct error *error)
{
    void *entries = NULL;
    unsigned count = 0;
    if (yaml[0] != '\0' &&
        config_schema_load(&config_schema_rankings, yaml, strlen(yaml), &entries, &count, error) != 0) {
        return -1;
    }
    const int result = config_rankings_set(config, entries, count, error);
    config_schema_unload(&config_schema_rankings, entries, count);
    return result;
}

void config_rankings_clear(struct config *config)
{
    free_rankings(config->rankings, config->ranking_count);
    config->rankings = NULL;
    config->ranking_count = 0;
}

bool config_rankings_equal(const struct config *a, const struct config *b)
{
    bool equal = a->ranking_count == b->ranking_count;
    for (size_t i = 0; equal && i < a->ranking_count; i++) {
        equal = config_ranking_equal(&a->rankings[i], &b->rankings[i]);
    }
    return equal;
}

void config_rankings_print(const struct config *config, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < config->ranking_count; i++) {
        fputs(i == 0 ? "\n  " : ",\n  ", out);
        config_ranking_print(&config->rankings[i], out);
    }
    fputs(config->ranking_count == 0 ? "]" : "\n]", out);
}
