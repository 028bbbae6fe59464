#include "common/config/config_value.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/config/config_check.h"
#include "common/config/config_option.h"
#include "common/config/config_rankings.h"
#include "common/config/config_units.h"

/* Also used to read, hence the cast. The table has the field's offset; the key's type tells the C type. */
static void *field_of(const struct config *config, const struct config_key *key)
{
    return (char *)config + key->offset;
}

static size_t *count_of(const struct config *config, const struct config_key *key)
{
    return (size_t *)(void *)((char *)config + key->count_offset);
}

static int64_t load_number(const struct config *config, const struct config_key *key)
{
    return key->size == sizeof(int64_t) ? *(int64_t *)field_of(config, key) : *(int *)field_of(config, key);
}

static void store_number(struct config *config, const struct config_key *key, int64_t number)
{
    assert(key->size == sizeof(int64_t) || key->size == sizeof(int));
    if (key->size == sizeof(int64_t)) {
        *(int64_t *)field_of(config, key) = number;
    } else {
        *(int *)field_of(config, key) = (int)number;
    }
}

static void free_items(char **items, size_t count)
{
    for (size_t i = 0; items != NULL && i < count; i++) {
        free(items[i]);
    }
    free(items);
}

/* Returns NULL when out of memory. */
static char **copy_items(char *const *items, size_t count)
{
    char **copies = calloc(count, sizeof(*copies));
    for (size_t i = 0; copies != NULL && i < count; i++) {
        copies[i] = strdup(items[i]);
        if (copies[i] == NULL) {
            free_items(copies, count);
            return NULL;
        }
    }
    return copies;
}

static int check_list(const struct config_key *key, char *const *items, size_t count, struct error *error)
{
    if (key->type == CONFIG_SEEDS && count == 0) {
        return config_check_string(key, "", error); /* it says the rule */
    }
    if (key->type == CONFIG_OPTIONS) {
        return config_options_check(items, count, error);
    }
    for (size_t i = 0; i < count; i++) {
        if (config_check_string(key, items[i], error) != 0) {
            return -1;
        }
    }
    return 0;
}

int config_value_set_list(struct config *config, const struct config_key *key, char *const *items, size_t count,
                          struct error *error)
{
    assert(config_key_is_list(key) && count <= CONFIG_LIST_LEN_MAX);
    if (check_list(key, items, count, error) != 0) {
        return -1;
    }
    char **copies = NULL;
    if (count > 0 && (copies = copy_items(items, count)) == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    config_value_clear(config, key);
    *(char ***)field_of(config, key) = copies;
    *count_of(config, key) = count;
    return 0;
}

/* Splits text in place. */
static int set_separated(struct config *config, const struct config_key *key, char *text, struct error *error)
{
    char *items[CONFIG_LIST_LEN_MAX];
    size_t count = 0;
    for (char *rest = text; rest != NULL && *text != '\0'; count++) {
        if (count == CONFIG_LIST_LEN_MAX) {
            error_set(error, "must have at most %d items", CONFIG_LIST_LEN_MAX);
            return -1;
        }
        items[count] = strsep(&rest, ",");
    }
    return config_value_set_list(config, key, items, count, error);
}

static int set_string(struct config *config, const struct config_key *key, char *text, struct error *error)
{
    if (config_check_string(key, text, error) != 0) {
        return -1;
    }
    config_value_clear(config, key);
    *(char **)field_of(config, key) = text;
    return 0;
}

int config_value_set(struct config *config, const struct config_key *key, const char *text, struct error *error)
{
    if (key->type == CONFIG_RANKINGS) {
        return config_rankings_set_text(config, text, error);
    }
    if (config_key_is_number(key)) {
        int64_t number;
        if (config_check_number(key, text, &number, error) != 0) {
            return -1;
        }
        store_number(config, key, number);
        return 0;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    const bool is_list = config_key_is_list(key);
    const int failed = is_list ? set_separated(config, key, copy, error) : set_string(config, key, copy, error);
    if (is_list || failed != 0) {
        free(copy); /* otherwise the field owns it now */
    }
    return failed;
}

void config_value_clear(struct config *config, const struct config_key *key)
{
    if (key->type == CONFIG_RANKINGS) {
        config_rankings_clear(config);
        return;
    }
    if (config_key_is_list(key)) {
        free_items(*(char ***)field_of(config, key), *count_of(config, key));
        *count_of(config, key) = 0;
    } else if (!config_key_is_number(key)) {
        free(*(char **)field_of(config, key));
    }
    memset(field_of(config, key), 0, key->size);
}

static bool lists_equal(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool config_value_equal(const struct config *a, const struct config *b, const struct config_key *key)
{
    if (key->type == CONFIG_RANKINGS) {
        return config_rankings_equal(a, b);
    }
    if (config_key_is_number(key)) {
        return load_number(a, key) == load_number(b, key);
    }
    if (config_key_is_list(key)) {
        return lists_equal(*(char ***)field_of(a, key), *count_of(a, key), *(char ***)field_of(b, key),
                           *count_of(b, key));
    }
    return strcmp(*(char **)field_of(a, key), *(char **)field_of(b, key)) == 0;
}

#define MASK "********"

/* A double-quoted scalar (YAML 1.2.2, section 7.3.1). Strings of a configuration have no control characters. */
static void print_quoted(struct text text, const char *end, FILE *out)
{
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            fputc('\\', out);
        }
        fputc(text.data[i], out);
    }
    fprintf(out, "%s\"", end);
}

static void print_string(const char *text, bool secret, FILE *out)
{
    print_quoted(text_of(secret && text[0] != '\0' ? MASK : text), "", out);
}

static void print_option(const char *option, FILE *out)
{
    if (config_option_is_secret(option)) {
        print_quoted(config_option_name(option), "=" MASK, out);
    } else {
        print_quoted(text_of(option), "", out);
    }
}

static void print_list(const struct config_key *key, char *const *items, size_t count, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ", ", out);
        if (key->type == CONFIG_OPTIONS) {
            print_option(items[i], out);
        } else {
            print_string(items[i], key->secret, out);
        }
    }
    fputc(']', out);
}

static void print_joined(char *const *items, size_t count, FILE *out)
{
    fputc('"', out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : ",", items[i]);
    }
    fputc('"', out);
}

void config_value_print(const struct config *config, const struct config_key *key, FILE *out)
{
    if (key->type == CONFIG_CHOICE) {
        fputs(key->choices[load_number(config, key)], out);
    } else if (config_key_is_number(key)) {
        char number[CONFIG_NUMBER_SIZE];
        config_units_format(config_key_unit(key), load_number(config, key), number);
        fputs(number, out);
    } else if (key->type == CONFIG_RANKINGS) {
        config_rankings_print(config, out);
    } else if (key->type == CONFIG_SEEDS) {
        print_joined(*(char ***)field_of(config, key), *count_of(config, key), out);
    } else if (config_key_is_list(key)) {
        print_list(key, *(char ***)field_of(config, key), *count_of(config, key), out);
    } else {
        print_string(*(char **)field_of(config, key), key->secret, out);
    }
}
