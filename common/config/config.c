#include "common/config/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/file_text.h"
#include "common/config/config_env.h"
#include "common/config/config_file.h"
#include "common/config/config_keys.h"
#include "common/config/config_rules.h"
#include "common/config/config_value.h"

enum { FILE_BYTES_MAX = 256 * 1024 };

static int set_defaults(struct config *config, struct error *error)
{
    for (size_t i = 0; i < config_key_count; i++) {
        struct error rule;
        if (config_value_set(config, &config_keys[i], config_keys[i].initial, &rule) != 0) {
            error_set(error, "default of %s: %s", config_keys[i].path, rule.message);
            return -1;
        }
    }
    return 0;
}

struct config *config_load_text(const char *name, const char *yaml, size_t yaml_len, char *const *environment,
                                struct error *error)
{
    struct config *config = calloc(1, sizeof(*config));
    if (config == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    if (set_defaults(config, error) != 0 || config_file_apply(config, name, yaml, yaml_len, error) != 0 ||
        config_env_apply(config, environment, error) != 0) {
        goto fail;
    }
    const char *rule = config_rules_broken(config);
    if (rule != NULL) {
        error_set(error, "%s: %s", name, rule);
        goto fail;
    }
    return config;
fail:
    config_free(config);
    return NULL;
}

struct config *config_load(const char *path, struct error *error)
{
    if (path == NULL) {
        return config_load_text("configuration", "", 0, environ, error);
    }
    size_t len;
    char *text = file_text_read(path, FILE_BYTES_MAX, &len, error);
    if (text == NULL) {
        return NULL;
    }
    struct config *config = config_load_text(path, text, len, environ, error);
    free(text);
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config_key_count; i++) {
        config_value_clear(config, &config_keys[i]);
    }
    free(config);
}

/* Prints the headings of path that the path before it did not have, then the last component. */
static void print_heading(const char *path, const char *before, FILE *out)
{
    int depth = 0;
    bool shared = true;
    for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1, depth++) {
        const size_t len = (size_t)(dot - path) + 1;
        shared = shared && strncmp(path, before, len) == 0;
        if (shared) {
            before += len;
        } else {
            fprintf(out, "%*s%.*s:\n", 2 * depth, "", (int)len - 1, path);
        }
    }
    fprintf(out, "%*s%s: ", 2 * depth, "", path);
}

void config_print(const struct config *config, FILE *out)
{
    const char *before = "";
    for (size_t i = 0; i < config_key_count; i++) {
        print_heading(config_keys[i].path, before, out);
        config_value_print(config, &config_keys[i], out);
        fputc('\n', out);
        before = config_keys[i].path;
    }
}
