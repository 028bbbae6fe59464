#include "common/config/config_env.h"

#include <string.h>

#include "common/base/environment.h"
#include "common/config/config_keys.h"
#include "common/config/config_link.h"
#include "common/config/config_secret.h"
#include "common/config/config_value.h"

static const struct config_key *find_key(const char *name, size_t name_len)
{
    char variable[CONFIG_VARIABLE_SIZE];
    for (size_t i = 0; i < config_key_count; i++) {
        config_key_variable(&config_keys[i], variable);
        if (strlen(variable) == name_len && memcmp(variable, name, name_len) == 0) {
            return &config_keys[i];
        }
    }
    return NULL;
}

/* The secret key that a variable TALLY_..._FILE stands for; NULL: the name stands for none. */
static const struct config_key *find_key_in_file(const char *name, size_t name_len)
{
    const size_t suffix_len = strlen(CONFIG_SECRET_SUFFIX);
    if (name_len <= suffix_len || memcmp(name + name_len - suffix_len, CONFIG_SECRET_SUFFIX, suffix_len) != 0) {
        return NULL;
    }
    const struct config_key *key = find_key(name, name_len - suffix_len);
    return key != NULL && key->secret ? key : NULL;
}

/* Counts the variable, and adds its name if there is room, for the warning. */
static void pass_over(struct config *config, const char *name, size_t name_len)
{
    const size_t used = strlen(config->passed_over);
    config->passed_over_count++;
    if (used + 1 + name_len < sizeof(config->passed_over)) {
        const size_t separator_len = used > 0 ? 1 : 0;
        memset(config->passed_over + used, ' ', separator_len);
        memcpy(config->passed_over + used + separator_len, name, name_len);
        config->passed_over[used + separator_len + name_len] = '\0';
    }
}

static int set_from_file(struct config *config, const struct config_key *key, char *const *environment,
                         const char *path, struct error *error)
{
    char variable[CONFIG_VARIABLE_SIZE];
    config_key_variable(key, variable);
    if (environment_find(environment, variable, strlen(variable), "") != NULL) {
        error_set(error, "must not be set beside %s", variable);
        return -1;
    }
    return config_secret_read(config, key, path, error);
}

static int apply(struct config *config, char *const *environment, const char *entry, struct error *error)
{
    const size_t name_len = strcspn(entry, "=");
    const char *value = entry[name_len] == '=' ? entry + name_len + 1 : "";
    const struct config_key *key = find_key(entry, name_len);
    const struct config_key *in_file = find_key_in_file(entry, name_len);
    struct error rule;
    if (config_link_sets(environment, entry, key != NULL)) {
        pass_over(config, entry, name_len);
        return 0;
    }
    if (key == NULL && in_file == NULL) {
        error_set(error, "environment: %.*s is not the variable of any key", (int)name_len, entry);
        return -1;
    }
    const int failed = key != NULL ? config_value_set(config, key, value, &rule)
                                   : set_from_file(config, in_file, environment, value, &rule);
    if (failed != 0 && key != NULL && key->type == CONFIG_RANKINGS) {
        error_set(error, "environment: %.*s: %s", (int)name_len, entry, rule.message);
    } else if (failed != 0) {
        error_set(error, "environment: %.*s (%s) %s", (int)name_len, entry, key != NULL ? key->path : in_file->path,
                  rule.message);
    }
    return failed;
}

int config_env_apply(struct config *config, char *const *environment, struct error *error)
{
    for (char *const *entry = environment; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, CONFIG_VARIABLE_PREFIX, strlen(CONFIG_VARIABLE_PREFIX)) == 0 &&
            apply(config, environment, *entry, error) != 0) {
            return -1;
        }
    }
    return 0;
}
