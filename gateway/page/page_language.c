#include "gateway/page/page_language.h"

#include <stddef.h>
#include <strings.h>

#include "common/http/http_accept.h"

static const struct {
    struct text language; /* the first subtag of its ranges (RFC 4647, section 2.1) */
    const char *tag;
} languages[] = {{{"en", 2}, "en"}, {{"zh", 2}, "zh-CN"}};

enum { LANGUAGES = sizeof(languages) / sizeof(languages[0]) };

/* The place of the language that the range stands for; LANGUAGES: none of them. Any language is the first. */
static size_t language_of(struct text range)
{
    const struct text language = text_cut(&range, '-');
    if (text_equal(language, TEXT("*"))) {
        return 0;
    }
    size_t i = 0;
    while (i < LANGUAGES && (language.len != languages[i].language.len ||
                             strncasecmp(language.data, languages[i].language.data, language.len) != 0)) {
        i++;
    }
    return i;
}

/* Reads "zh-CN;q=0.8". */
static int weight_of(struct text parameter)
{
    const struct text name = text_trim(text_cut(&parameter, '='));
    if (name.len == 0) {
        return HTTP_WEIGHT_ONE;
    }
    return name.len == 1 && (name.data[0] | 0x20) == 'q' ? http_weight_read(text_trim(parameter)) : HTTP_WEIGHT_INVALID;
}

const char *page_language_choose(struct text accept)
{
    size_t best = 0;
    int best_weight = 0;
    while (accept.len > 0) {
        struct text range = text_cut(&accept, ',');
        const size_t language = language_of(text_trim(text_cut(&range, ';')));
        const int weight = weight_of(range);
        if (language < LANGUAGES && weight > best_weight) {
            best = language;
            best_weight = weight;
        }
    }
    return languages[best].tag;
}
