#include "gateway/api/ranking_query.h"

#include <stddef.h>

#include "common/base/decimal.h"
#include "common/base/utf8.h"
#include "common/contract/limits.h"
#include "gateway/json/item_json.h"

enum { LIMIT_DEFAULT = 10 };

enum parameter { WINDOW, PERIOD, LIMIT, OFFSET, NEIGHBOURS, PARAMETERS };

static const struct {
    struct text name;
    unsigned kinds; /* the calls that take it */
    unsigned min;   /* of a number */
    unsigned max;   /* of a number; 0: it is a text */
    size_t offset;  /* in struct ranking_query */
} parameters[PARAMETERS] = {
#define NAME(literal) \
    { \
        literal, sizeof(literal) - 1 \
    }
#define BOTH (RANKING_QUERY_TOP | RANKING_QUERY_RANK)
#define FIELD(name) offsetof(struct ranking_query, name)
    [WINDOW] = {NAME("window"), BOTH, 0, 0, FIELD(window)},
    [PERIOD] = {NAME("period"), BOTH, 0, 0, FIELD(period)},
    [LIMIT] = {NAME("limit"), RANKING_QUERY_TOP, 1, RANKING_LIMIT_MAX, FIELD(limit)},
    [OFFSET] = {NAME("offset"), RANKING_QUERY_TOP, 0, RANKING_OFFSET_MAX, FIELD(offset)},
    [NEIGHBOURS] = {NAME("neighbours"), RANKING_QUERY_RANK, 0, RANKING_NEIGHBOURS_MAX, FIELD(neighbours)},
#undef FIELD
#undef BOTH
#undef NAME
};

struct reader {
    enum ranking_query_kind kind;
    struct operation_list *sentences;
    unsigned seen; /* a bit for each parameter */
    struct ranking_query query;
};

/* PARAMETERS if the call takes none of that name. */
static enum parameter find(const struct reader *reader, struct text name)
{
    enum parameter i = 0;
    while (i < PARAMETERS && ((parameters[i].kinds & reader->kind) == 0 || !text_equal(name, parameters[i].name))) {
        i++;
    }
    return i;
}

static const char *take_number(struct reader *reader, enum parameter parameter, struct text value)
{
    const unsigned min = parameters[parameter].min;
    const unsigned max = parameters[parameter].max;
    uint64_t number;
    if (!decimal_parse_unsigned(value, max, &number) || number < min) {
        return operation_list_sentence(reader->sentences, "%s must be a number from %u to %u",
                                       parameters[parameter].name.data, min, max);
    }
    *(uint32_t *)((char *)&reader->query + parameters[parameter].offset) = (uint32_t)number;
    return NULL;
}

static const char *take_text(struct reader *reader, enum parameter parameter, struct text value)
{
    if (value.len > RANKING_NAME_LEN_MAX || !text_is_visible_ascii(value)) {
        return operation_list_sentence(reader->sentences,
                                       "%s must be at most %d characters of visible ASCII (0x21-0x7E)",
                                       parameters[parameter].name.data, RANKING_NAME_LEN_MAX);
    }
    *(struct text *)((char *)&reader->query + parameters[parameter].offset) = value;
    return NULL;
}

static const char *refuse_unknown(struct reader *reader, struct text name)
{
    if (!utf8_is_valid(name)) {
        return "the query must be UTF-8";
    }
    const struct text shown = item_json_shown_name(name);
    return operation_list_sentence(reader->sentences, "%.*s is not a parameter of this call", (int)shown.len,
                                   shown.data);
}

static const char *take(struct reader *reader, struct text name, struct text value)
{
    const enum parameter parameter = find(reader, name);
    if (parameter == PARAMETERS) {
        return refuse_unknown(reader, name);
    }
    if ((reader->seen & 1U << parameter) != 0) {
        return operation_list_sentence(reader->sentences, "%s is given twice", parameters[parameter].name.data);
    }
    reader->seen |= 1U << parameter;
    return parameters[parameter].max > 0 ? take_number(reader, parameter, value) : take_text(reader, parameter, value);
}

const char *ranking_query_read(enum ranking_query_kind kind, struct http_query raw, struct operation_list *sentences,
                               struct ranking_query *ret_query)
{
    struct reader reader = {.kind = kind, .sentences = sentences, .query.limit = LIMIT_DEFAULT};
    struct text name;
    struct text value;
    enum http_query_step step;
    while ((step = http_query_next(&raw, &name, &value)) != HTTP_QUERY_END) {
        const char *broken = step == HTTP_QUERY_MALFORMED
                                 ? "the query must have two hexadecimal digits behind each '%', and not %00"
                                 : take(&reader, name, value);
        if (broken != NULL) {
            return broken;
        }
    }
    if (reader.query.window.len == 0) {
        return "window is missing";
    }
    *ret_query = reader.query;
    return NULL;
}
