#include "common/base/file_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_all(FILE *file, const char *path, size_t len_max, size_t *ret_len, struct error *error)
{
    char *text = malloc(len_max + 2);
    if (text == NULL) {
        error_set(error, "%s: out of memory", path);
        return NULL;
    }
    const size_t len = fread(text, 1, len_max + 1, file);
    if (ferror(file)) {
        error_set(error, "%s: %s", path, strerror(errno));
        goto fail;
    }
    if (len > len_max) {
        error_set(error, "%s: longer than %zu KiB", path, len_max / 1024);
        goto fail;
    }
    text[len] = '\0';
    *ret_len = len;
    return text;
fail:
    free(text);
    return NULL;
}

char *file_text_read(const char *path, size_t len_max, size_t *ret_len, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = read_all(file, path, len_max, ret_len, error);
    fclose(file);
    return text;
}
