/* The table of keys against itself and against configs/config.yaml, which is read from the working directory. */
#include "common/config/config_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/config/config_check.h"

#define SHIPPED_FILE "configs/config.yaml"

enum { LINE_SIZE = 256, COMMENT_SIZE = 2048, DEPTH_MAX = 4 };

static void test_paths_and_variables_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        char variable[CONFIG_VARIABLE_SIZE];
        config_key_variable(&config_keys[i], variable);
        for (size_t j = 0; j < i; j++) {
            char other[CONFIG_VARIABLE_SIZE];
            config_key_variable(&config_keys[j], other);
            assert_string_not_equal(variable, other);
        }
    }
}

static void test_variables_are_named_after_their_keys(void **state)
{
    (void)state;
    char variable[CONFIG_VARIABLE_SIZE];
    for (size_t i = 0; i < config_key_count; i++) {
        if (strcmp(config_keys[i].path, "grpc.counter_service.pool_size") == 0) {
            config_key_variable(&config_keys[i], variable);
            assert_string_equal(variable, "TALLY_GRPC_COUNTER_SERVICE_POOL_SIZE");
            return;
        }
    }
    fail();
}

static void test_every_row_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        const bool has_range = config_key_is_number(key) && key->type != CONFIG_CHOICE;
        int64_t number;
        assert_non_null(key->initial);
        assert_int_equal(key->type == CONFIG_CHOICE, key->choices != NULL);
        assert_int_equal(has_range, key->min != NULL && key->max != NULL);
        if (has_range) {
            assert_int_equal(config_check_number(key, key->min, &number, NULL), 0);
            assert_int_equal(config_check_number(key, key->max, &number, NULL), 0);
            assert_true(key->size == sizeof(int64_t) || number <= INT32_MAX);
        }
        /* An empty list in the file cannot be told from none. */
        assert_true(!config_key_is_sequence(key) || key->initial[0] == '\0');
    }
}

static char *print_loaded(const char *path)
{
    char *text = NULL;
    size_t len = 0;
    struct error error = {.message = ""};
    struct config *config = config_load(path, &error);
    assert_string_equal(error.message, "");
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_print(config, out);
    fclose(out);
    config_free(config);
    return text;
}

static void test_the_shipped_file_has_the_default_values(void **state)
{
    (void)state;
    char *shipped = print_loaded(SHIPPED_FILE);
    char *defaults = print_loaded(NULL);
    assert_string_equal(shipped, defaults);
    free(defaults);
    free(shipped);
}

/* Reads the shipped file line by line; it has two blanks of indentation a level, and one key or comment a line. */
struct reader {
    FILE *file;
    char sections[DEPTH_MAX][64];
    char path[LINE_SIZE];       /* of the last key read */
    char comment[COMMENT_SIZE]; /* the comment lines above it, joined by blanks */
};

static void append_comment(struct reader *reader, const char *line)
{
    const size_t used = strlen(reader->comment);
    snprintf(reader->comment + used, sizeof(reader->comment) - used, "%s ", line + 1 + strspn(line + 1, " "));
}

static void take_key(struct reader *reader, size_t depth, const char *name, size_t name_len)
{
    assert_true(depth < DEPTH_MAX && name_len < sizeof(reader->sections[0]));
    memcpy(reader->sections[depth], name, name_len);
    reader->sections[depth][name_len] = '\0';
    reader->path[0] = '\0';
    for (size_t i = 0; i <= depth; i++) {
        const size_t used = strlen(reader->path);
        snprintf(reader->path + used, sizeof(reader->path) - used, "%s%s", i == 0 ? "" : ".", reader->sections[i]);
    }
}

/* Goes to the next key that has a value. */
static bool next_key(struct reader *reader)
{
    char line[LINE_SIZE];
    reader->comment[0] = '\0';
    while (fgets(line, sizeof(line), reader->file) != NULL) {
        const size_t indent = strspn(line, " ");
        const char *start = line + indent;
        const size_t name_len = strcspn(start, ":");
        line[strcspn(line, "\n")] = '\0';
        if (*start == '#') {
            append_comment(reader, start);
        } else if (*start != '\0') {
            take_key(reader, indent / 2, start, name_len);
            if (start[name_len + 1] != '\0') {
                return true;
            }
            reader->comment[0] = '\0';
        }
    }
    return false;
}

static void test_the_shipped_file_explains_every_key_and_its_range(void **state)
{
    (void)state;
    struct reader reader = {.file = fopen(SHIPPED_FILE, "re")};
    assert_non_null(reader.file);
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        assert_true(next_key(&reader));
        assert_string_equal(reader.path, key->path);
        assert_string_not_equal(reader.comment, "");
        char range[64];
        snprintf(range, sizeof(range), "%s-%s", key->min, key->max);
        const bool says_range = strstr(reader.comment, range) != NULL;
        if (key->min != NULL && !says_range) {
            fail_msg("%s: the comment does not say %s", key->path, range);
        }
        for (size_t c = 0; key->choices != NULL && key->choices[c] != NULL; c++) {
            assert_non_null(strstr(reader.comment, key->choices[c]));
        }
    }
    assert_false(next_key(&reader));
    fclose(reader.file);
}

/* Whoever runs this may have variables for other programs. */
static int clear_environment(void **state)
{
    (void)state;
    return clearenv();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_and_variables_are_unique),
        cmocka_unit_test(test_variables_are_named_after_their_keys),
        cmocka_unit_test(test_every_row_is_complete),
        cmocka_unit_test(test_the_shipped_file_has_the_default_values),
        cmocka_unit_test(test_the_shipped_file_explains_every_key_and_its_range),
    };
    return cmocka_run_group_tests(tests, clear_environment, NULL);
}
