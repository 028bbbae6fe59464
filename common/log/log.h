/* The log: one line per event, JSON (`ts`, `level`, `msg`, `component`, then fields) or console text, on stdout.
 * Callers put a finished line into a bounded ring; a thread of the logger's writes it. A blocked stdout never blocks a
 * caller: lines that find the ring full are counted (tally_log_dropped_total) and dropped.
 * log_* may be called from every thread, before log_start (then as console text straight to stderr) and after log_stop
 * (straight to stderr again).
 * Messages are lower case without a full stop; values go into fields, never into msg. */
#ifndef TALLY_COMMON_LOG_LOG_H
#define TALLY_COMMON_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_CONSOLE };

struct log_field {
    const char *key;
    const char *string; /* NULL: the value is `integer` */
    int64_t integer;
};

#define LOG_STR(key_, value_) ((struct log_field){.key = (key_), .string = (value_)})
#define LOG_INT(key_, value_) ((struct log_field){.key = (key_), .integer = (int64_t)(value_)})

/* Starts the writer thread. Returns 0, or -1 with error filled. */
int log_start(enum log_level level, enum log_format format, struct error *error) MUST_CHECK;
/* Sets the level of what every thread logs from now on. Any thread. */
void log_set_level(enum log_level level);
enum log_level log_level(void);
/* Writes what is in the ring, for `timeout_ms` at most; the rest is dropped and counted. Then joins the writer
 * thread, unless that is stuck in a write. Called on the thread that called log_start; does nothing if the log was not
 * started. */
void log_stop(int timeout_ms);
/* Lines lost so far: the ring was full, or stdout did not take them. */
uint64_t log_dropped(void);

/* Use the log_debug ... log_error macros. component: "redis", "http"; fields: count of them may be 0. */
void log_write(enum log_level level, const char *component, const char *msg, const struct log_field *fields,
               size_t field_count);

/* The first element is a placeholder, so that a call without fields is valid C. */
#define LOG_AT(level, component, msg, ...) \
    log_write((level), (component), (msg), (const struct log_field[]){{0}, ##__VA_ARGS__} + 1, \
              sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field) - 1)

#define log_debug(component, msg, ...) LOG_AT(LOG_LEVEL_DEBUG, component, msg, ##__VA_ARGS__)
#define log_info(component, msg, ...) LOG_AT(LOG_LEVEL_INFO, component, msg, ##__VA_ARGS__)
#define log_warn(component, msg, ...) LOG_AT(LOG_LEVEL_WARN, component, msg, ##__VA_ARGS__)
#define log_error(component, msg, ...) LOG_AT(LOG_LEVEL_ERROR, component, msg, ##__VA_ARGS__)

/* For failures that repeat: says when to log. Owned by one thread; zero-initialised is ready to use. */
struct log_limiter {
    int64_t next_us;    /* monotonic time before which nothing is logged */
    uint64_t held_back; /* events since the last logged one */
};

/* Counts an event. Returns whether it is to be logged (at most one in 10 s); if so, *ret_count is how many events
 * its line stands for. */
bool log_limiter_allows(struct log_limiter *limiter, int64_t now_us, uint64_t *ret_count);

#endif
