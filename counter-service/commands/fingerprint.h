/* Fingerprints of increments: two requests under one idempotency key, or one sequence of a session, are taken for
 * the same request if these are equal. XXH3, which is not collision-resistant: an attacker could only spoil his own
 * keys. What is hashed and in which order is part of the data in Redis: records outlive a deployment. Pure functions.
 */
#ifndef TALLY_COUNTER_SERVICE_COMMANDS_FINGERPRINT_H
#define TALLY_COUNTER_SERVICE_COMMANDS_FINGERPRINT_H

#include <stddef.h>

#include "common/base/text.h"
#include "counter-service/commands/store_call.h"

enum { FINGERPRINT_LEN = 16 };

struct fingerprint {
    char bytes[FINGERPRINT_LEN];
};

/* Of the request that an idempotency key stands for: delta and user_id (the key's own scope has the rest). */
struct fingerprint fingerprint_of_increment(int64_t delta, struct text user_id);
/* Of the items of a call of a session, with all their fields, in their order. Half as long: it only tells apart two
 * senders that use one session, against the rules. */
enum { CALL_FINGERPRINT_LEN = 8 };
struct call_fingerprint {
    char bytes[CALL_FINGERPRINT_LEN];
};
struct call_fingerprint fingerprint_of_call(const struct store_item *items, size_t item_count);

#endif
