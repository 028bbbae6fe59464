/* One line of the log as text: the formatting half of log.h, pure. */
#ifndef TALLY_COMMON_LOG_LOG_LINE_H
#define TALLY_COMMON_LOG_LOG_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/log/log.h"

enum {
    LOG_LINE_MAX = 2048, /* with its newline; what is longer is cut */
    LOG_LINE_MIN = 128,  /* room for what is always there: ts, level, "cut" */
};

struct log_event {
    enum log_level level;
    int64_t time_us; /* since 1970 */
    const char *component;
    const char *msg;
    const struct log_field *fields;
    size_t field_count;
};

/* "debug" to "error". */
const char *log_line_level_name(enum log_level level);

/* Writes the event with its newline into out, which has room for capacity bytes (at least LOG_LINE_MIN). Always one
 * whole line, and in JSON a valid object: text that does not fit is cut, and fields that do not fit are left out. A
 * line that was cut ends with "cut":true, as console text with "...". Bytes that are not UTF-8 come out as U+FFFD.
 * Returns the line's length. */
size_t log_line_format(char *out, size_t capacity, enum log_format format, const struct log_event *event);

#endif
