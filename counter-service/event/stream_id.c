#include "counter-service/event/stream_id.h"

#include "common/base/decimal.h"

bool stream_id_parse(struct text text, struct stream_id *ret_id)
{
    struct stream_id id;
    const struct text ms = text_cut(&text, '-');
    if (!decimal_parse_unsigned(ms, UINT64_MAX, &id.ms) || !decimal_parse_unsigned(text, UINT64_MAX, &id.seq)) {
        return false;
    }
    *ret_id = id;
    return true;
}
