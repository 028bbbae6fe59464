#include "common/config/config_file.h"

#include "common/config/config_check.h"
#include "common/config/config_keys.h"
#include "common/config/config_rankings.h"
#include "common/config/config_schema.h"
#include "common/config/config_value.h"

static int apply_value(struct config *config, const struct config_key *key, const struct config_raw_value *raw,
                       struct error *error)
{
    if (key->type == CONFIG_RANKINGS) {
        return config_rankings_set(config, raw->rankings, raw->ranking_count, error);
    }
    if (config_key_is_sequence(key)) {
        return config_value_set_list(config, key, raw->items, raw->item_count, error);
    }
    if (raw->text == NULL) {
        return 0;
    }
    if (config_text_is_null(raw->text)) {
        error_set(error, "must have a value: leave the key out for its default");
        return -1;
    }
    return config_value_set(config, key, raw->text, error);
}

static void tell_rule(const char *name, const struct config_key *key, const struct error *rule, struct error *error)
{
    if (key->type == CONFIG_RANKINGS) {
        error_set(error, "%s: %s", name, rule->message);
    } else {
        error_set(error, "%s: %s %s", name, key->path, rule->message);
    }
}

/* values is NULL when the file sets nothing. */
static int apply_values(struct config *config, const char *name, const struct config_raw_value *values,
                        struct error *error)
{
    for (size_t i = 0; values != NULL && i < config_key_count; i++) {
        struct error rule;
        if (apply_value(config, &config_keys[i], &values[i], &rule) != 0) {
            tell_rule(name, &config_keys[i], &rule, error);
            return -1;
        }
    }
    return 0;
}

static int load_and_apply(struct config *config, const cyaml_schema_value_t *schema, const char *name, const char *yaml,
                          size_t yaml_len, struct error *error)
{
    struct error reason;
    void *values;
    if (config_schema_load(schema, yaml, yaml_len, &values, NULL, &reason) != 0) {
        error_set(error, "%s: %s", name, reason.message);
        return -1;
    }
    const int result = apply_values(config, name, values, error);
    config_schema_unload(schema, values, 0);
    return result;
}

int config_file_apply(struct config *config, const char *name, const char *yaml, size_t yaml_len, struct error *error)
{
    cyaml_schema_value_t *schema = config_schema_create();
    if (schema == NULL) {
        error_set(error, "%s: out of memory", name);
        return -1;
    }
    const int result = load_and_apply(config, schema, name, yaml, yaml_len, error);
    config_schema_free(schema);
    return result;
}
