#include "counter-service/verify/stream_id_text.h"

#include "common/base/decimal.h"

struct text text_cut(struct text *rest, char separator)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    const struct text cut = {rest->data, len};
    const size_t passed = end == NULL ? len : len + 1;
    *rest = (struct text){rest->data + passed, rest->len - passed};
    return cut;
}

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
