#include "common/config/config_file.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/config/config_keys.h"
#include "common/config/config_schema.h"
#include "common/config/config_value.h"

/* What libcyaml says about a bad file, its lines joined: "Unexpected key: prot, in mapping (line: 4, column: 9), in
 * mapping field 'server' (line: 3, column: 3)". The place of an unknown key is that of the entry before it. */
struct complaint {
    char text[384];
    size_t len;
};

static void complain(cyaml_log_t level, void *ctx, const char *format, va_list arguments)
{
    (void)level;
    struct complaint *complaint = ctx;
    char buffer[256];
    vsnprintf(buffer, sizeof(buffer), format, arguments);
    buffer[strcspn(buffer, "\n")] = '\0';
    const char *line = strncmp(buffer, "Load: ", 6) == 0 ? buffer + 6 : buffer;
    line += strspn(line, " ");
    if (strcmp(line, "Backtrace:") == 0 || complaint->len >= sizeof(complaint->text)) {
        return;
    }
    complaint->len += (size_t)snprintf(complaint->text + complaint->len, sizeof(complaint->text) - complaint->len,
                                       "%s%s", complaint->len == 0 ? "" : ", ", line);
}

static void set_library_error(struct error *error, const char *name, cyaml_err_t code, const struct complaint *said)
{
    const bool has_reason = said->len > 0 && strncmp(said->text, "in ", 3) != 0;
    if (has_reason) {
        error_set(error, "%s: %s", name, said->text);
    } else {
        error_set(error, "%s: %s%s%s", name, cyaml_strerror(code), said->len == 0 ? "" : ", ", said->text);
    }
}

/* YAML's null would otherwise be a host, or a password, of that name. */
static bool is_null(const char *text)
{
    return strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

static int apply_value(struct config *config, const struct config_key *key, const struct config_raw_value *raw,
                       struct error *error)
{
    if (config_key_is_list(key)) {
        return config_value_set_list(config, key, raw->items, raw->item_count, error);
    }
    if (raw->text == NULL) {
        return 0;
    }
    if (is_null(raw->text)) {
        error_set(error, "must have a value: leave the key out for its default");
        return -1;
    }
    return config_value_set(config, key, raw->text, error);
}

/* values is NULL when the file sets nothing. */
static int apply_values(struct config *config, const char *name, const struct config_raw_value *values,
                        struct error *error)
{
    for (size_t i = 0; values != NULL && i < config_key_count; i++) {
        struct error rule;
        if (apply_value(config, &config_keys[i], &values[i], &rule) != 0) {
            error_set(error, "%s: %s %s", name, config_keys[i].path, rule.message);
            return -1;
        }
    }
    return 0;
}

static int load_and_apply(struct config *config, const cyaml_schema_value_t *schema, const char *name, const char *yaml,
                          size_t yaml_len, struct error *error)
{
    struct complaint complaint = {.len = 0};
    const cyaml_config_t library = {
        .log_fn = complain,
        .log_ctx = &complaint,
        .log_level = CYAML_LOG_WARNING, /* "Ignoring documents after first": nothing is ignored here */
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    struct config_raw_value *values = NULL;
    const cyaml_err_t code =
        cyaml_load_data((const uint8_t *)yaml, yaml_len, &library, schema, (cyaml_data_t **)&values, NULL);
    int result = -1;
    if (code != CYAML_OK || complaint.len > 0) {
        set_library_error(error, name, code, &complaint);
    } else {
        result = apply_values(config, name, values, error);
    }
    cyaml_free(&library, schema, values, 0);
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
