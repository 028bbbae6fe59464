/* libcyaml's schema of the file, made from the table of keys: nested mappings whose leaves are plain strings (or lists
 * of them), so that one place gives all texts a meaning; and loading by it. Internal to config*.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_SCHEMA_H
#define TALLY_COMMON_CONFIG_CONFIG_SCHEMA_H

#include <stddef.h>

#include <cyaml/cyaml.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

/* An entry of the list `rankings`. A text is NULL, and a list NULL and empty, when it is not there. */
struct config_raw_ranking {
    char *counter_type;
    char **windows;
    unsigned window_count;
    char **rolling;
    unsigned rolling_count;
    char *keep;
    char *utc_offset;
    char *cache_ttl;
};

/* What is loaded: an array of these, one for each row of the table. */
struct config_raw_value {
    char *text;   /* NULL: not in the file */
    char **items; /* of a list: NULL: empty, or not in the file */
    unsigned item_count;
    struct config_raw_ranking *rankings; /* likewise, of CONFIG_RANKINGS */
    unsigned ranking_count;
};

/* Of the list `rankings` alone: what is loaded is an array of raw rankings. */
extern const cyaml_schema_value_t config_schema_rankings;

/* Returns NULL when out of memory. */
cyaml_schema_value_t *config_schema_create(void) MUST_CHECK;
/* NULL is fine. */
void config_schema_free(cyaml_schema_value_t *schema);

/* Loads yaml (yaml_len bytes) by schema, whose root is a pointer. *ret_data is NULL when nothing is there; ret_count is
 * how many entries the root has if it is a sequence, and NULL if it is a mapping. Returns 0, or -1 with error filled:
 * what is wrong, and where. What is loaded is freed with config_schema_unload. */
int config_schema_load(const cyaml_schema_value_t *schema, const char *yaml, size_t yaml_len, void **ret_data,
                       unsigned *ret_count, struct error *error) MUST_CHECK;
/* data: NULL is fine. count: 0 if the root is a mapping. */
void config_schema_unload(const cyaml_schema_value_t *schema, void *data, unsigned count);

#endif
