/* What the row of a key demands of a text. Pure functions, internal to config*.c. A broken rule is told as a sentence
 * without its subject: `must be a duration from 10ms to 1m (like 250ms, 30s, 5m or 24h), not "2"`; a secret is not
 * repeated. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_CHECK_H
#define TALLY_COMMON_CONFIG_CONFIG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config_keys.h"
#include "common/config/config_units.h"

/* Whether text is YAML's null, which would otherwise be a host, or a password, of that name. */
bool config_text_is_null(const char *text);
/* Whether the field of key is an integer or an enum; otherwise it is a string or a list of strings. */
bool config_key_is_number(const struct config_key *key);
/* The units that numbers of key are written with. */
enum config_unit config_key_unit(const struct config_key *key);

/* Of an integer or enum key: returns 0 with the number that text stands for, or -1 with error filled. */
int config_check_number(const struct config_key *key, const char *text, int64_t *ret_number, struct error *error)
    MUST_CHECK;
/* Of a string key, or of one item of a list: returns 0, or -1 with error filled. */
int config_check_string(const struct config_key *key, const char *text, struct error *error) MUST_CHECK;

#endif
