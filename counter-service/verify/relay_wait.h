/* Waits until the relay has published what a comparison needs. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_RELAY_WAIT_H
#define TALLY_COUNTER_SERVICE_VERIFY_RELAY_WAIT_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "counter-service/verify/redis_reader.h"

/* Until all events of entries up to cut are in the topic; timeout_ms at most without progress. Returns 0, or -1 with
 * error filled. */
int relay_wait(struct redis_reader *reader, struct stream_id cut, int timeout_ms, struct error *error) MUST_CHECK;

#endif
