/* Secrets that stand in files of their own: TALLY_REDIS_PASSWORD_FILE names the file that holds redis.password.
 * Internal to config*.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_SECRET_H
#define TALLY_COMMON_CONFIG_CONFIG_SECRET_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config_keys.h"

#define CONFIG_SECRET_SUFFIX "_FILE" /* of the variable that names the file */

/* Sets the field of key, a secret, from the file at path, less one newline (LF or CRLF) at its end. Returns 0, or -1
 * with error filled: the file and its fault, never what it holds. */
int config_secret_read(struct config *config, const struct config_key *key, const char *path, struct error *error)
    MUST_CHECK;

#endif
