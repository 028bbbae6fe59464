/* "<ms>-<seq>", as Redis writes the id of a stream's entry. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_EVENT_STREAM_ID_H
#define TALLY_COUNTER_SERVICE_EVENT_STREAM_ID_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "counter-service/event/event.h"

/* False, with *ret_id untouched, if text is no id. */
bool stream_id_parse(struct text text, struct stream_id *ret_id) MUST_CHECK;

#endif
