/* "<ms>-<seq>", as Redis writes the id of an entry, and numbers that stand before others. Pure functions. */
#ifndef TALLY_COUNTER_SERVICE_VERIFY_STREAM_ID_TEXT_H
#define TALLY_COUNTER_SERVICE_VERIFY_STREAM_ID_TEXT_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/text.h"
#include "counter-service/event/event.h"

/* Takes what stands before the first separator off the start of *rest, and the separator; all of it if there is no
 * separator. */
struct text text_cut(struct text *rest, char separator);
/* False if text is no id. */
bool stream_id_parse(struct text text, struct stream_id *ret_id) MUST_CHECK;

#endif
