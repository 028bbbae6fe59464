/* Integers in JSON. Pure. */
#ifndef TALLY_GATEWAY_JSON_JSON_INTEGER_H
#define TALLY_GATEWAY_JSON_JSON_INTEGER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/text.h"

/* Whether a number (text as json_reader gives it) is an integer in JSON Schema's sense (2020-12 validation,
 * section 6.1.1: 1.0 and 1e2 are, 1.5 is not) from -(2^53-1) to 2^53-1. Decided on the digits: a double would round
 * some others into the range. */
bool json_number_to_integer(struct text number, int64_t *ret_value) MUST_CHECK;

#endif
