#include "common/config/config_schema.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config/config_keys.h"

enum { RAW_TEXT_LEN_MAX = 4096 };

static const cyaml_schema_value_t list_item = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, RAW_TEXT_LEN_MAX)};

#define RANKING_TEXT(name) \
    CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_OPTIONAL, struct config_raw_ranking, name, 0, RAW_TEXT_LEN_MAX)
#define RANKING_LIST(name, count) \
    CYAML_FIELD_SEQUENCE_COUNT(#name, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct config_raw_ranking, name, \
                               count, &list_item, 0, CONFIG_LIST_LEN_MAX)

static const cyaml_schema_field_t ranking_fields[] = {
    RANKING_TEXT(counter_type), /* not optional, but config_ranking.c tells the rule */
    RANKING_LIST(windows, window_count),
    RANKING_LIST(rolling, rolling_count),
    RANKING_TEXT(keep),
    RANKING_TEXT(utc_offset),
    RANKING_TEXT(cache_ttl),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t ranking = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_ranking, ranking_fields)};

const cyaml_schema_value_t config_schema_rankings = {CYAML_VALUE_SEQUENCE(
    CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct config_raw_ranking, &ranking, 0, CONFIG_LIST_LEN_MAX)};

/* Mappings are not allocated one by one: all lie in the one array of raw values, at offset 0. */
static cyaml_schema_value_t mapping_of(cyaml_schema_field_t *fields)
{
    return (cyaml_schema_value_t){
        .type = CYAML_MAPPING,
        .flags = CYAML_FLAG_OPTIONAL,
        .data_size = (uint32_t)(config_key_count * sizeof(struct config_raw_value)),
        .mapping = {.fields = fields},
    };
}

static void describe_leaf(cyaml_schema_field_t *field, size_t row)
{
    const size_t offset = row * sizeof(struct config_raw_value);
    if (config_key_is_sequence(&config_keys[row])) {
        field->data_offset = (uint32_t)(offset + offsetof(struct config_raw_value, items));
        field->count_offset = (uint32_t)(offset + offsetof(struct config_raw_value, item_count));
        field->count_size = sizeof(((struct config_raw_value *)0)->item_count);
        field->value = (cyaml_schema_value_t){
            .type = CYAML_SEQUENCE,
            .flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER,
            .data_size = sizeof(char *),
            .sequence = {.entry = &list_item, .min = 0, .max = CONFIG_LIST_LEN_MAX},
        };
    } else if (config_keys[row].type == CONFIG_RANKINGS) {
        field->data_offset = (uint32_t)(offset + offsetof(struct config_raw_value, rankings));
        field->count_offset = (uint32_t)(offset + offsetof(struct config_raw_value, ranking_count));
        field->count_size = sizeof(((struct config_raw_value *)0)->ranking_count);
        field->value = config_schema_rankings;
    } else {
        field->data_offset = (uint32_t)(offset + offsetof(struct config_raw_value, text));
        field->value = (cyaml_schema_value_t){
            CYAML_VALUE_STRING(CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, char, 0, RAW_TEXT_LEN_MAX)};
    }
}

static void free_fields(cyaml_schema_field_t *fields)
{
    for (cyaml_schema_field_t *field = fields; fields != NULL && field->key != NULL; field++) {
        if (field->value.type == CYAML_MAPPING) {
            free_fields((cyaml_schema_field_t *)field->value.mapping.fields);
        }
        free((char *)field->key);
    }
    free(fields);
}

static cyaml_schema_field_t *create_fields(size_t first, size_t last, size_t prefix_len);

/* Fills field from the rows [first, last), whose paths share prefix_len characters and the component behind them.
 * Returns 0, or -1 when out of memory. */
static int describe_field(cyaml_schema_field_t *field, size_t first, size_t last, size_t prefix_len)
{
    const char *rest = config_keys[first].path + prefix_len;
    const size_t len = strcspn(rest, ".");
    char *key = strndup(rest, len);
    if (key == NULL) {
        return -1;
    }
    if (rest[len] == '\0') {
        describe_leaf(field, first);
    } else {
        cyaml_schema_field_t *fields = create_fields(first, last, prefix_len + len + 1);
        if (fields == NULL) {
            free(key);
            return -1;
        }
        field->value = mapping_of(fields);
    }
    field->key = key;
    return 0;
}

/* The first row behind `first` whose path has another component after the prefix. */
static size_t next_component(size_t first, size_t last, size_t prefix_len)
{
    const char *path = config_keys[first].path;
    const size_t len = prefix_len + strcspn(path + prefix_len, ".");
    size_t row = first + 1;
    while (row < last && strncmp(config_keys[row].path, path, len) == 0 && config_keys[row].path[len] == '.') {
        row++;
    }
    return row;
}

/* The fields of the mapping that holds the rows [first, last), whose paths share prefix_len characters. Returns NULL
 * when out of memory. */
static cyaml_schema_field_t *create_fields(size_t first, size_t last, size_t prefix_len)
{
    cyaml_schema_field_t *fields = calloc(last - first + 1, sizeof(*fields)); /* the last stays zero: the end mark */
    cyaml_schema_field_t *field = fields;
    for (size_t row = first; fields != NULL && row < last; field++) {
        const size_t next = next_component(row, last, prefix_len);
        if (describe_field(field, row, next, prefix_len) != 0) {
            free_fields(fields);
            return NULL;
        }
        row = next;
    }
    return fields;
}

cyaml_schema_value_t *config_schema_create(void)
{
    cyaml_schema_value_t *schema = malloc(sizeof(*schema));
    cyaml_schema_field_t *fields = schema == NULL ? NULL : create_fields(0, config_key_count, 0);
    if (fields == NULL) {
        free(schema);
        return NULL;
    }
    *schema = mapping_of(fields);
    schema->flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER; /* this one is allocated */
    return schema;
}

void config_schema_free(cyaml_schema_value_t *schema)
{
    if (schema != NULL) {
        free_fields((cyaml_schema_field_t *)schema->mapping.fields);
        free(schema);
    }
}

/* --- loading ------------------------------------------------------------------------------------------------------ */

/* What libcyaml says about bad YAML, its lines joined: "Unexpected key: prot, in mapping (line: 4, column: 9), in
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

static void set_library_error(struct error *error, cyaml_err_t code, const struct complaint *said)
{
    const bool has_reason = said->len > 0 && strncmp(said->text, "in ", 3) != 0;
    if (has_reason) {
        error_set(error, "%s", said->text);
    } else {
        error_set(error, "%s%s%s", cyaml_strerror(code), said->len == 0 ? "" : ", ", said->text);
    }
}

static cyaml_config_t settings(struct complaint *complaint)
{
    return (cyaml_config_t){
        .log_fn = complain,
        .log_ctx = complaint,
        .log_level = CYAML_LOG_WARNING, /* "Ignoring documents after first": nothing is ignored here */
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

int config_schema_load(const cyaml_schema_value_t *schema, const char *yaml, size_t yaml_len, void **ret_data,
                       unsigned *ret_count, struct error *error)
{
    struct complaint complaint = {.len = 0};
    const cyaml_config_t library = settings(&complaint);
    cyaml_data_t *data = NULL;
    unsigned count = 0;
    const cyaml_err_t code =
        cyaml_load_data((const uint8_t *)yaml, yaml_len, &library, schema, &data, ret_count == NULL ? NULL : &count);
    if (code != CYAML_OK || complaint.len > 0) {
        set_library_error(error, code, &complaint);
        cyaml_free(&library, schema, data, count);
        return -1;
    }
    *ret_data = data;
    if (ret_count != NULL) {
        *ret_count = count;
    }
    return 0;
}

void config_schema_unload(const cyaml_schema_value_t *schema, void *data, unsigned count)
{
    struct complaint complaint = {.len = 0};
    const cyaml_config_t library = settings(&complaint);
    cyaml_free(&library, schema, data, count);
}
