/* One item of a body, an increment or a query -> operation: counter_json's own. */
#ifndef TALLY_GATEWAY_JSON_ITEM_JSON_H
#define TALLY_GATEWAY_JSON_ITEM_JSON_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "gateway/batch/operation_list.h"
#include "gateway/json/json_reader.h"

/* The fields that an item may have. */
enum item_kind { ITEM_QUERY, ITEM_INCREMENT, ITEM_INCREMENT_WITH_KEY };

struct item_reader {
    struct json_reader json;
    struct operation_list *list; /* for the sentences */
    enum item_kind kind;
    const char *array; /* the member that holds the items; NULL: the body itself is the item */
};

/* Reads the next value into operation, which is zeroed. What is wrong with it is said in the operation, see
 * counter_json.h. False on a JSON error. */
bool item_json_read(struct item_reader *reader, struct operation *operation, size_t index) MUST_CHECK;

/* The name of an unknown field for a sentence: cut between two characters if it is long. */
struct text item_json_shown_name(struct text name);

#endif
