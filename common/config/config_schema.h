/* libcyaml's schema of the file, made from the table of keys: nested mappings whose leaves are plain strings (or lists
 * of them), so that one place gives all texts a meaning. Internal to config_file.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_SCHEMA_H
#define TALLY_COMMON_CONFIG_CONFIG_SCHEMA_H

#include <cyaml/cyaml.h>

#include "common/base/compiler.h"

/* What is loaded: an array of these, one for each row of the table. */
struct config_raw_value {
    char *text;   /* NULL: not in the file */
    char **items; /* of a list: NULL: empty, or not in the file */
    unsigned item_count;
};

/* Returns NULL when out of memory. */
cyaml_schema_value_t *config_schema_create(void) MUST_CHECK;
/* NULL is fine. */
void config_schema_free(cyaml_schema_value_t *schema);

#endif
