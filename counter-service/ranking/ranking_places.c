#include "counter-service/ranking/ranking_places.h"

#include "common/base/varint.h"
#include "common/contract/limits.h"

void ranking_places_begin(struct buffer *out)
{
    const char version = RANKING_PLACES_VERSION;
    buffer_append(out, &version, 1);
}

void ranking_places_put(struct buffer *out, struct text resource_id, int64_t score)
{
    if (buffer_reserve(out, 2 * VARINT_LEN_MAX + resource_id.len) != 0) {
        return;
    }
    char *at = varint_put(out->data + out->len, resource_id.len);
    memcpy(at, resource_id.data, resource_id.len);
    at = varint_put(at + resource_id.len, varint_zigzag(score));
    out->len = (size_t)(at - out->data);
}

int ranking_places_open(struct text *rest)
{
    if (rest->len == 0) {
        return 0;
    }
    if (rest->data[0] != RANKING_PLACES_VERSION) {
        return -1;
    }
    *rest = (struct text){rest->data + 1, rest->len - 1};
    return 0;
}

int ranking_places_next(struct text *rest, struct text *ret_resource_id, int64_t *ret_score)
{
    uint64_t number;
    if (rest->len == 0) {
        return 0;
    }
    if (!varint_take(rest, &number) || number == 0 || number > RESOURCE_ID_LEN_MAX || number > rest->len) {
        return -1;
    }
    *ret_resource_id = (struct text){rest->data, (size_t)number};
    *rest = (struct text){rest->data + number, rest->len - (size_t)number};
    if (!varint_take(rest, &number)) {
        return -1;
    }
    *ret_score = varint_unzigzag(number);
    return 1;
}
