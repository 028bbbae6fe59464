/* One value of the configuration, between its text and its field: the same for defaults, file and environment. Internal
 * to config*.c. A broken rule is told as in config_check.h; that of CONFIG_RANKINGS as in config_rankings.h. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_VALUE_H
#define TALLY_COMMON_CONFIG_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config_keys.h"

/* Sets the field of key from text; a list is comma-separated, empty for none; CONFIG_RANKINGS is YAML. What was there
 * is freed. Returns 0, or -1 with error filled and the field as it was. */
int config_value_set(struct config *config, const struct config_key *key, const char *text, struct error *error)
    MUST_CHECK;
/* The same for a list whose items (at most CONFIG_LIST_LEN_MAX) stand apart; they are copied. */
int config_value_set_list(struct config *config, const struct config_key *key, char *const *items, size_t count,
                          struct error *error) MUST_CHECK;
/* Frees what the field owns and leaves it zero. */
void config_value_clear(struct config *config, const struct config_key *key);
/* Whether both have the same value of key. */
bool config_value_equal(const struct config *a, const struct config *b, const struct config_key *key);
/* Prints the value as YAML from the current line on, a secret masked. */
void config_value_print(const struct config *config, const struct config_key *key, FILE *out);

#endif
