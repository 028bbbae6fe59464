/* Reads JSON (RFC 8259) of one level, strictly: as much as the JSON of an event needs, with all 64 bits of its numbers,
 * which a library that holds them as doubles would round. Pure functions; each returns false if the text is anything
 * else, and then the cursor is of no more use. Private to the wing. */
#ifndef TALLY_COUNTER_SERVICE_EVENT_EVENT_JSON_H
#define TALLY_COUNTER_SERVICE_EVENT_EVENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

/* What is left to read; UTF-8, checked by whoever made it. */
struct json_cursor {
    const char *at;
    const char *end;
};

/* Takes the character, with the blanks around it, if it comes next. */
bool json_take_character(struct json_cursor *cursor, char character) MUST_CHECK;
/* Takes a string, without quotes and escapes. Copies as much of it as out has room for; *ret_len is all of it. out may
 * be NULL if room is 0. */
bool json_take_string(struct json_cursor *cursor, char *out, size_t room, size_t *ret_len) MUST_CHECK;
/* Takes an integer of 64 bits, written without fraction and exponent. */
bool json_take_integer(struct json_cursor *cursor, int64_t *ret_value) MUST_CHECK;
/* Takes the word, `null`, if it comes next. */
bool json_take_word(struct json_cursor *cursor, struct text word) MUST_CHECK;
/* Takes a string, a number, true, false or null; no array and no object. */
bool json_pass_over(struct json_cursor *cursor) MUST_CHECK;

#endif
