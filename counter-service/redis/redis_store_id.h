/* Which store a Redis is: key tally:store holds 128 random bits, written once, when Tally first uses that Redis (and
 * that database of it). Services that find the same id share their counters. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_STORE_ID_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_STORE_ID_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/contract/store_id.h"

extern const struct text redis_store_id_key;
/* GET of the key, as RESP. */
extern const struct text redis_store_id_request;

/* Makes a new one, NUL-terminated: STORE_ID_LEN lower-case hexadecimal digits. Returns 0, or -1 with error filled. */
int redis_store_id_make(char out[STORE_ID_SIZE], struct error *error) MUST_CHECK;
/* Copies what the key holds. Returns 0, or -1 with error filled if that is no store id. */
int redis_store_id_read(struct text found, char out[STORE_ID_SIZE], struct error *error) MUST_CHECK;

/* What the mark of a partition of a Redis Cluster holds: the store id; or, since the number of partitions was changed,
 * the store id and that number: "<store id>/8". */
enum { REDIS_STORE_MARK_SIZE = STORE_ID_SIZE + 12 };
void redis_store_mark_put(char out[REDIS_STORE_MARK_SIZE], const char *store_id, int partitions);
/* Whether it is the mark of a partition of that store, one of so many; 0: of any number. */
bool redis_store_mark_is(struct text found, const char *store_id, int partitions);

#endif
