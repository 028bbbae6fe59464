/* Reads the YAML of a configuration. Internal to config.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_FILE_H
#define TALLY_COMMON_CONFIG_CONFIG_FILE_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"

/* Sets the keys that yaml (yaml_len bytes, may be 0) has; name is the file's. Returns 0, or -1 with error filled. */
int config_file_apply(struct config *config, const char *name, const char *yaml, size_t yaml_len, struct error *error)
    MUST_CHECK;

#endif
