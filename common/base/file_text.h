/* A small file, read whole at the start of a program or when it is told to read again. */
#ifndef TALLY_COMMON_BASE_FILE_TEXT_H
#define TALLY_COMMON_BASE_FILE_TEXT_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

/* Reads the file at path, which must have at most len_max bytes (a multiple of 1024), into new
 * memory with a NUL behind them. Returns NULL with error filled, which names path. */
char *file_text_read(const char *path, size_t len_max, size_t *ret_len, struct error *error) MUST_CHECK;

#endif
