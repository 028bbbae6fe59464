#include "common/config_env.h"

#include <string.h>

#include "common/config_keys.h"
#include "common/config_value.h"

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

static int apply(struct config *config, const char *entry, struct error *error)
{
    const size_t name_len = strcspn(entry, "=");
    const struct config_key *key = find_key(entry, name_len);
    if (key == NULL) {
        error_set(error, "environment: %.*s is not the variable of any key", (int)name_len, entry);
        return -1;
    }
    const char *value = entry[name_len] == '=' ? entry + name_len + 1 : "";
    struct error rule;
    if (config_value_set(config, key, value, &rule) != 0) {
        error_set(error, "environment: %.*s (%s) %s", (int)name_len, entry, key->path, rule.message);
        return -1;
    }
    return 0;
}

int config_env_apply(struct config *config, char *const *environment, struct error *error)
{
    for (char *const *entry = environment; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, CONFIG_VARIABLE_PREFIX, strlen(CONFIG_VARIABLE_PREFIX)) == 0 &&
            apply(config, *entry, error) != 0) {
            return -1;
        }
    }
    return 0;
}
