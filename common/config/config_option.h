/* Options that a library has and Tally has no key for (kafka.options): texts name=value. Pure functions; also for the
 * code that hands them to the library. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_OPTION_H
#define TALLY_COMMON_CONFIG_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"

/* What stands before the first `=`. */
struct text config_option_name(const char *option);
/* Whether the value is one that nobody should read: told by the name. */
bool config_option_is_secret(const char *option);
/* Whether each option is name=value and none is there twice. Returns 0, or -1 with error filled: a sentence without its
 * subject, which repeats no value, since it might be a part of a secret. */
int config_options_check(char *const *options, size_t count, struct error *error) MUST_CHECK;

#endif
