/* An entry of the list `rankings`, between its YAML and its struct. Pure functions, internal to config_rankings.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_RANKING_H
#define TALLY_COMMON_CONFIG_CONFIG_RANKING_H

#include <stdbool.h>
#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"

struct config_raw_ranking;

/* Fills ranking, which is zero; the caller owns its counter_type. Returns 0, or -1 with error filled and ranking half
 * so: a sentence that starts with the entry's key, `keep must be a whole number from 10 to 100000, not "0"`. */
int config_ranking_read(const struct config_raw_ranking *raw, struct ranking_config *ranking, struct error *error)
    MUST_CHECK;
/* Whether both are spelled the same, but for the order of calendar windows. */
bool config_ranking_equal(const struct ranking_config *a, const struct ranking_config *b);
/* Prints the entry as a YAML mapping in flow style. */
void config_ranking_print(const struct ranking_config *ranking, FILE *out);

#endif
