#include "common/config/config_secret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file_text.h"
#include "common/config/config_value.h"

/* More than any secret that passes; what a wrong file has is not read to its end. */
enum { SECRET_FILE_BYTES_MAX = 4096 };

/* The length of text without one newline at its end. */
static size_t without_newline(const char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\n') {
        len--;
        if (len > 0 && text[len - 1] == '\r') {
            len--;
        }
    }
    return len;
}

/* explicit_bzero: the compiler may leave out a memset before free. */
static void free_secret(char *text, size_t len)
{
    explicit_bzero(text, len);
    free(text);
}

static int set(struct config *config, const struct config_key *key, const char *path, const char *secret, size_t len,
               struct error *error)
{
    struct error rule;
    if (len == 0) {
        error_set(error, "%s: is empty", path);
    } else if (strlen(secret) != len) {
        error_set(error, "%s: holds a NUL byte", path);
    } else if (config_value_set(config, key, secret, &rule) != 0) {
        error_set(error, "%s: %s", path, rule.message);
    } else {
        return 0;
    }
    return -1;
}

int config_secret_read(struct config *config, const struct config_key *key, const char *path, struct error *error)
{
    assert(key->secret);
    if (path[0] == '\0') {
        error_set(error, "must name a file");
        return -1;
    }
    size_t file_len;
    char *text = file_text_read(path, SECRET_FILE_BYTES_MAX, &file_len, error);
    if (text == NULL) {
        return -1;
    }
    const size_t len = without_newline(text, file_len);
    memset(text + len, '\0', file_len - len);
    const int failed = set(config, key, path, text, len, error);
    free_secret(text, file_len);
    return failed;
}
