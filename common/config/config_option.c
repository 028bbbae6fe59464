#include "common/config/config_option.h"

#include <string.h>

#include "common/base/utf8.h"

enum { OPTION_LEN_MAX = 512, NAME_LEN_MAX = 128 };

struct text config_option_name(const char *option)
{
    return (struct text){option, strcspn(option, "=")};
}

bool config_option_is_secret(const char *option)
{
    /* Parts of names; a command line or an address may have a password in it. */
    static const char *const marks[] = {"passw", "secret", "key.pem", "oauthbearer.config", "token",
                                        "cmd",   "url",    "jaas",    "credential"};
    const struct text name = config_option_name(option);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (memmem(name.data, name.len, marks[i], strlen(marks[i])) != NULL) {
            return true;
        }
    }
    return false;
}

/* UTF-8 without control characters, and without blanks at its ends: the library would take them for a part of it. */
static bool is_value(const char *text)
{
    const size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return len > 0 && text[0] != ' ' && text[len - 1] != ' ' && utf8_is_valid(text_of(text));
}

static bool is_option(const char *option)
{
    const struct text name = config_option_name(option);
    return name.len >= 1 && name.len <= NAME_LEN_MAX &&
           strspn(name.data, "abcdefghijklmnopqrstuvwxyz0123456789._-") == name.len &&
           strlen(option) <= OPTION_LEN_MAX && option[name.len] == '=' && is_value(option + name.len + 1);
}

static bool is_among(const char *option, char *const *others, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal(config_option_name(option), config_option_name(others[i]))) {
            return true;
        }
    }
    return false;
}

int config_options_check(char *const *options, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct text name = config_option_name(options[i]);
        if (!is_option(options[i])) {
            error_set(error,
                      "must be a list of name=value, the name of a-z 0-9 . _ -, no blanks at the ends, at most %d "
                      "bytes: item %zu is not",
                      OPTION_LEN_MAX, i + 1);
            return -1;
        }
        if (is_among(options[i], options, i)) {
            error_set(error, "must have %.*s only once", (int)name.len, name.data);
            return -1;
        }
    }
    return 0;
}
