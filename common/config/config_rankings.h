/* The list `rankings` of the configuration, between its YAML and its field. Internal to config*.c. A broken rule is
 * told as a sentence with its subject: `rankings[0].keep must be a whole number from 10 to 100000, not "0"`. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_RANKINGS_H
#define TALLY_COMMON_CONFIG_CONFIG_RANKINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"

struct config_raw_ranking;

/* Sets the field from count entries, which are copied; count 0 is none. What was there is freed. Returns 0, or -1 with
 * error filled and the field as it was. */
int config_rankings_set(struct config *config, const struct config_raw_ranking *entries, size_t count,
                        struct error *error) MUST_CHECK;
/* The same from the list as YAML, "[{counter_type: like, windows: [day]}]"; empty for none. */
int config_rankings_set_text(struct config *config, const char *yaml, struct error *error) MUST_CHECK;
/* Frees the list and leaves an empty one. */
void config_rankings_clear(struct config *config);
/* Whether both have the same entries, in the same order. */
bool config_rankings_equal(const struct config *a, const struct config *b);
/* Prints the list as YAML in flow style, an entry a line, without a newline at the end. */
void config_rankings_print(const struct config *config, FILE *out);

#endif
