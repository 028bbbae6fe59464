#include "common/net/http_syntax.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/net/host_port.h"

enum { URL_LEN_MAX = 512, HEADER_LEN_MAX = 4096 };

static const char token_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";

/* HOST or HOST:PORT; an IPv6 address in brackets. */
static bool is_authority(struct text text)
{
    char copy[URL_LEN_MAX + 4];
    struct host_port address;
    const char *after_host = text.len > 0 ? memchr(text.data, ']', text.len) : NULL;
    after_host = after_host != NULL ? after_host : text.data;
    const bool has_port = memchr(after_host, ':', text.len - (size_t)(after_host - text.data)) != NULL;
    snprintf(copy, sizeof(copy), "%.*s%s", (int)text.len, text.data, has_port ? "" : ":80");
    return host_port_parse(copy, &address) == 0;
}

bool http_url_is_valid(const char *text)
{
    const struct text url = text_of(text);
    const size_t scheme_len = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;
    if (scheme_len == 0 || url.len > URL_LEN_MAX || !text_is_visible_ascii(url) || strpbrk(text, "?#@\\\"<>") != NULL) {
        return false;
    }
    return is_authority((struct text){text + scheme_len, strcspn(text + scheme_len, "/")});
}

static bool is_about_the_body(struct text name)
{
    static const char *const names[] = {"Content-Type",      "Content-Encoding", "Content-Length",
                                        "Transfer-Encoding", "Connection",       "Expect"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == name.len && strncasecmp(names[i], name.data, name.len) == 0) {
            return true;
        }
    }
    return false;
}

/* Visible at both ends: without a value libcurl would leave the header out. */
static bool is_value(const char *text)
{
    const size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7E) {
            return false;
        }
    }
    return len > 0 && text[len - 1] != ' ';
}

bool http_header_is_valid(const char *text)
{
    const struct text name = {text, strspn(text, token_characters)};
    if (name.len == 0 || text[name.len] != ':' || strlen(text) > HEADER_LEN_MAX || is_about_the_body(name)) {
        return false;
    }
    const char *value = text + name.len + 1;
    return is_value(value + strspn(value, " "));
}
