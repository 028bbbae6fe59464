#include "common/http/http_accept.h"

#include <assert.h>
#include <stdbool.h>
#include <strings.h>

/* How closely a range names a form: of those that match, the closest decides. */
enum closeness { NO_MATCH, ANY, ANY_OF_TYPE, MEDIA_TYPE, MEDIA_TYPE_AND_VERSION };

/* One of the ranges between the commas. */
struct range {
    struct text media_type;
    struct text version; /* .data NULL: none */
    int weight;
};

static bool equals_ignoring_case(struct text text, struct text other)
{
    return text.len == other.len && strncasecmp(text.data, other.data, text.len) == 0;
}

/* text_cut for a separator that may stand in a quoted string, where it does not separate; without blanks around it. */
static struct text cut_unquoted(struct text *rest, char separator)
{
    const struct text whole = *rest;
    bool is_quoted = false;
    size_t len = 0;
    while (len < whole.len && (is_quoted || whole.data[len] != separator)) {
        if (whole.data[len] == '"') {
            is_quoted = !is_quoted;
        } else if (is_quoted && whole.data[len] == '\\' && len + 1 < whole.len) {
            len++;
        }
        len++;
    }
    const size_t passed = len < whole.len ? len + 1 : len;
    *rest = (struct text){whole.data + passed, whole.len - passed};
    return text_trim((struct text){whole.data, len});
}

int http_weight_read(struct text text)
{
    if (text.len == 0 || text.len > sizeof("0.123") - 1 || (text.data[0] != '0' && text.data[0] != '1') ||
        (text.len > 1 && text.data[1] != '.')) {
        return HTTP_WEIGHT_INVALID;
    }
    int weight = (text.data[0] - '0') * HTTP_WEIGHT_ONE;
    int place = HTTP_WEIGHT_ONE / 10;
    for (size_t i = 2; i < text.len; i++, place /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return HTTP_WEIGHT_INVALID;
        }
        weight += (text.data[i] - '0') * place;
    }
    return weight <= HTTP_WEIGHT_ONE ? weight : HTTP_WEIGHT_INVALID;
}

static struct text without_quotes(struct text value)
{
    const bool is_quoted = value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"';
    return is_quoted ? (struct text){value.data + 1, value.len - 2} : value;
}

static struct range read_range(struct text text)
{
    struct range range = {.media_type = cut_unquoted(&text, ';'), .weight = HTTP_WEIGHT_ONE};
    while (text.len > 0) {
        struct text value = cut_unquoted(&text, ';');
        const struct text name = cut_unquoted(&value, '=');
        if (equals_ignoring_case(name, TEXT("q"))) {
            range.weight = http_weight_read(text_trim(value));
        } else if (equals_ignoring_case(name, TEXT("version"))) {
            range.version = without_quotes(text_trim(value));
        }
    }
    return range;
}

/* Whether media_type is "text" followed by a slash and a star, for "text/plain". */
static bool is_any_of_type(struct text media_type, struct text wanted)
{
    const struct text type = text_cut(&wanted, '/');
    return media_type.len == type.len + 2 && strncasecmp(media_type.data, type.data, type.len) == 0 &&
           memcmp(media_type.data + type.len, "/*", 2) == 0;
}

static enum closeness closeness_of(const struct range *range, const struct http_form *form)
{
    const bool has_version = range->version.data != NULL;
    if (has_version && !text_equal(range->version, text_of(form->version))) {
        return NO_MATCH;
    }
    if (equals_ignoring_case(range->media_type, text_of(form->media_type))) {
        return has_version ? MEDIA_TYPE_AND_VERSION : MEDIA_TYPE;
    }
    if (is_any_of_type(range->media_type, text_of(form->media_type))) {
        return ANY_OF_TYPE;
    }
    return text_equal(range->media_type, TEXT("*/*")) ? ANY : NO_MATCH;
}

/* What the ranges that were read so far say of a form. */
struct judgement {
    enum closeness closeness;
    int weight;
};

static void judge(struct judgement *judgement, enum closeness closeness, int weight)
{
    if (closeness > judgement->closeness) {
        *judgement = (struct judgement){closeness, weight};
    } else if (closeness != NO_MATCH && closeness == judgement->closeness && weight > judgement->weight) {
        judgement->weight = weight;
    }
}

size_t http_accept_choose(struct text accept, const struct http_form *forms, size_t count)
{
    struct judgement judgements[HTTP_FORMS_MAX] = {{NO_MATCH, 0}};
    assert(count > 0 && count <= HTTP_FORMS_MAX);
    while (accept.len > 0) {
        const struct range range = read_range(cut_unquoted(&accept, ','));
        for (size_t i = 0; i < count && range.weight != HTTP_WEIGHT_INVALID; i++) {
            judge(&judgements[i], closeness_of(&range, &forms[i]), range.weight);
        }
    }
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (judgements[i].weight > judgements[best].weight) {
            best = i;
        }
    }
    return best;
}
