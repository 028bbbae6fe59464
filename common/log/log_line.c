#include "common/log/log_line.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/timestamp.h"
#include "common/base/utf8.h"

/* What may follow the last thing that fits: a string's end, the mark of a cut line, the line's end. */
#define TAIL_MAX (sizeof("\",\"cut\":true}\n") - 1)

enum { ESCAPE_MAX = 6 }; /* "\u001f" */

struct line {
    char *data;
    size_t len;
    size_t limit; /* no text beyond this: the tail fits behind it */
    bool cut;     /* something did not fit: nothing is put in any more */
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

const char *log_line_level_name(enum log_level level)
{
    return level_names[level];
}

static void put(struct line *line, const char *data, size_t len)
{
    if (line->cut || line->len + len > line->limit) {
        line->cut = true;
        return;
    }
    memcpy(line->data + line->len, data, len);
    line->len += len;
}

static void put_text(struct line *line, const char *string)
{
    put(line, string, strlen(string));
}

/* For what must be there even on a cut line: the tail. */
static void put_tail(struct line *line, const char *string)
{
    const size_t len = strlen(string);
    memcpy(line->data + line->len, string, len);
    line->len += len;
}

static void put_integer(struct line *line, int64_t value)
{
    char digits[24];
    const int len = snprintf(digits, sizeof(digits), "%lld", (long long)value);
    put(line, digits, (size_t)len);
}

static void put_time(struct line *line, int64_t time_us)
{
    char text[TIMESTAMP_SIZE];
    timestamp_write(time_us, text);
    put(line, text, strlen(text));
}

/* One character as it stands in a JSON string: itself, an escape, or U+FFFD for a byte that is no character. */
static size_t escape_char(char out[ESCAPE_MAX + 1], const char *character, size_t char_len)
{
    const unsigned char byte = (unsigned char)character[0];
    if (char_len == 0) {
        memcpy(out, "\xEF\xBF\xBD", 3);
        return 3;
    }
    if (byte == '"' || byte == '\\') {
        out[0] = '\\';
        out[1] = (char)byte;
        return 2;
    }
    if (byte == '\n') {
        memcpy(out, "\\n", 2);
        return 2;
    }
    if (byte < 0x20 || byte == 0x7F) {
        return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\u%04x", byte);
    }
    memcpy(out, character, char_len);
    return char_len;
}

/* Text within a JSON string. If it does not fit it is cut between two characters. */
static void put_escaped(struct line *line, const char *string)
{
    struct text rest = text_of(string);
    while (rest.len > 0 && !line->cut) {
        const size_t char_len = utf8_char_len(rest);
        char escaped[ESCAPE_MAX + 1];
        put(line, escaped, escape_char(escaped, rest.data, char_len));
        const size_t step = char_len > 0 ? char_len : 1;
        rest.data += step;
        rest.len -= step;
    }
}

/* A JSON string: whole, cut, or, if not even its first quote fits, nothing. */
static void put_string(struct line *line, const char *string)
{
    put(line, "\"", 1);
    if (!line->cut) {
        put_escaped(line, string);
        put_tail(line, "\"");
    }
}

static void put_value(struct line *line, const struct log_field *field)
{
    if (field->string != NULL) {
        put_string(line, field->string);
    } else {
        put_integer(line, field->integer);
    }
}

/* `,"key":value`, or nothing if not even the value's first character fits. */
static void put_json_field(struct line *line, const struct log_field *field)
{
    const size_t start = line->len;
    put_text(line, ",");
    put_string(line, field->key);
    put_text(line, ":");
    const size_t value_start = line->len;
    if (!line->cut) {
        put_value(line, field);
    }
    if (line->len == value_start) {
        line->len = start;
    }
}

static void format_json(struct line *line, const struct log_event *event)
{
    put_text(line, "{\"ts\":\"");
    put_time(line, event->time_us);
    put_text(line, "\",\"level\":\"");
    put_text(line, level_names[event->level]);
    put_text(line, "\"");
    put_json_field(line, &LOG_STR("msg", event->msg));
    put_json_field(line, &LOG_STR("component", event->component));
    for (size_t i = 0; i < event->field_count && !line->cut; i++) {
        put_json_field(line, &event->fields[i]);
    }
    put_tail(line, line->cut ? ",\"cut\":true}\n" : "}\n");
}

/* A word is written as it is; anything with spaces, quotes, control or other characters as a JSON string. */
static bool is_word(const char *string)
{
    for (const char *at = string; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '=' || *at == '\\') {
            return false;
        }
    }
    return *string != '\0';
}

static void format_console(struct line *line, const struct log_event *event)
{
    static const char *const padded_levels[] = {" DEBUG ", " INFO  ", " WARN  ", " ERROR "};
    put_time(line, event->time_us);
    put_text(line, padded_levels[event->level]);
    put_text(line, event->component);
    put_text(line, ": ");
    put_escaped(line, event->msg);
    for (size_t i = 0; i < event->field_count && !line->cut; i++) {
        const struct log_field *field = &event->fields[i];
        put_text(line, " ");
        put_text(line, field->key);
        put_text(line, "=");
        if (field->string != NULL && is_word(field->string)) {
            put_text(line, field->string);
        } else {
            put_value(line, field);
        }
    }
    put_tail(line, line->cut ? " ...\n" : "\n");
}

size_t log_line_format(char *out, size_t capacity, enum log_format format, const struct log_event *event)
{
    assert(capacity >= LOG_LINE_MIN);
    struct line line = {.limit = capacity - TAIL_MAX};
    line.data = out;
    if (format == LOG_FORMAT_JSON) {
        format_json(&line, event);
    } else {
        format_console(&line, event);
    }
    return line.len;
}
