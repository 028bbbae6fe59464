/* Bodies of the POST calls -> operations (proto/openapi.yaml says what they look like). Texts of the operations point
 * into the body, which is decoded in place.
 *
 * What is wrong with the body as a whole ends the reading. What is wrong with one item of a batch is that operation's:
 * its status is STATUS_INVALID_ARGUMENT, its detail says which rule was broken, it is `done`, and its resource_id and
 * counter_type are empty unless they were given and keep their rules. */
#ifndef TALLY_GATEWAY_JSON_COUNTER_JSON_H
#define TALLY_GATEWAY_JSON_COUNTER_JSON_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/contract/status.h"
#include "gateway/batch/operation_list.h"

/* Each fills an empty list. STATUS_OK; STATUS_INVALID_ARGUMENT with *ret_detail set to a sentence that names field and
 * rule and lives as long as the list's; or STATUS_OUT_OF_MEMORY. */

/* {"resource_id","counter_type","user_id"?,"increment"?}: one operation. */
enum status counter_json_read_increment(struct operation_list *list, char *body, size_t len, const char **ret_detail)
    MUST_CHECK;
/* {"increments":[...]}: 1 to BATCH_ITEMS_MAX operations. */
enum status counter_json_read_increments(struct operation_list *list, char *body, size_t len, const char **ret_detail)
    MUST_CHECK;
/* {"queries":[...]}: 1 to BATCH_ITEMS_MAX operations. */
enum status counter_json_read_queries(struct operation_list *list, char *body, size_t len, const char **ret_detail)
    MUST_CHECK;

#endif
