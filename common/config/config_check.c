#include "common/config/config_check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/net/host_port.h"
#include "common/net/http_syntax.h"
#include "common/net/network.h"
#include "common/net/unix_path.h"

enum {
    QUOTED_LEN_MAX = 64, /* of a refused value in its message */
    TEXT_LEN_MAX = 512,
    TOPIC_LEN_MAX = 249,
    ORIGIN_LEN_MAX = 128,
};

bool config_text_is_null(const char *text)
{
    return strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

bool config_key_is_number(const struct config_key *key)
{
    return key->type == CONFIG_COUNT || key->type == CONFIG_DURATION || key->type == CONFIG_BYTES ||
           key->type == CONFIG_RATIO || key->type == CONFIG_CHOICE;
}

enum config_unit config_key_unit(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_DURATION:
        return CONFIG_UNIT_DURATION;
    case CONFIG_BYTES:
        return CONFIG_UNIT_SIZE;
    case CONFIG_RATIO:
        return CONFIG_UNIT_RATIO;
    default:
        return CONFIG_UNIT_NONE;
    }
}

/* A bound from the table. It is well-formed: a test reads them all. */
static int64_t bound(const struct config_key *key, const char *text)
{
    int64_t number = 0;
    const int failed = config_units_parse(config_key_unit(key), text, &number);
    assert(failed == 0);
    (void)failed;
    return number;
}

static int check_range(const struct config_key *key, const char *text, int64_t *ret_number, struct error *error)
{
    static const char *const kinds[] = {
        [CONFIG_UNIT_NONE] = "whole number",
        [CONFIG_UNIT_DURATION] = "duration",
        [CONFIG_UNIT_SIZE] = "size",
        [CONFIG_UNIT_RATIO] = "decimal number",
    };
    static const char *const examples[] = {
        [CONFIG_UNIT_NONE] = "",
        [CONFIG_UNIT_DURATION] = " (like 250ms, 30s, 5m or 24h)",
        [CONFIG_UNIT_SIZE] = " (like 4096, 64KiB or 1MiB)",
        [CONFIG_UNIT_RATIO] = " (like 0.01, with at most nine digits)",
    };
    const enum config_unit unit = config_key_unit(key);
    int64_t number;
    if (config_units_parse(unit, text, &number) != 0 || number < bound(key, key->min) ||
        number > bound(key, key->max)) {
        error_set(error, "must be a %s from %s to %s%s, not \"%.*s\"", kinds[unit], key->min, key->max, examples[unit],
                  QUOTED_LEN_MAX, text);
        return -1;
    }
    *ret_number = number;
    return 0;
}

static int check_choice(const struct config_key *key, const char *text, int64_t *ret_number, struct error *error)
{
    char names[128] = "";
    size_t used = 0;
    for (int i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(text, key->choices[i]) == 0) {
            *ret_number = i;
            return 0;
        }
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i == 0 ? "" : ", ", key->choices[i]);
        assert(used < sizeof(names));
    }
    error_set(error, "must be one of %s, not \"%.*s\"", names, QUOTED_LEN_MAX, text);
    return -1;
}

int config_check_number(const struct config_key *key, const char *text, int64_t *ret_number, struct error *error)
{
    return key->type == CONFIG_CHOICE ? check_choice(key, text, ret_number, error)
                                      : check_range(key, text, ret_number, error);
}

static bool is_address(const char *text)
{
    struct host_port address;
    return host_port_parse(text, &address) == 0;
}

static bool is_seed(const char *text)
{
    return unix_path_of(text) != NULL || is_address(text);
}

/* Of lower case, since Consul answers DNS names too (RFC 1035, section 2.3.1; digits may come first: RFC 1123). */
static bool is_label(const char *text)
{
    const size_t len = strlen(text);
    return len >= 1 && len <= CONFIG_LABEL_LEN_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
           text[0] != '-' && text[len - 1] != '-';
}

/* Kafka's own rule: org.apache.kafka.common.internals.Topic. */
static bool is_topic(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t len = strlen(text);
    return len >= 1 && len <= TOPIC_LEN_MAX && strspn(text, allowed) == len && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0;
}

/* "*", or what a browser sends as Origin (RFC 6454, section 6.2): a scheme and a host in lower case, and the port if it
 * is not the scheme's own. */
static bool is_origin(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    const char *host = strstr(text, "://");
    if (strcmp(text, "*") == 0) {
        return true;
    }
    return host != NULL && host != text &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-") == (size_t)(host - text) && host[3] != '\0' &&
           strspn(host + 3, allowed) == strlen(host + 3) && strlen(text) <= ORIGIN_LEN_MAX;
}

static bool is_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return strlen(text) <= TEXT_LEN_MAX && utf8_is_valid(text_of(text));
}

/* Returns NULL, or the rule that text breaks. */
static const char *broken_rule(const struct config_key *key, const char *text)
{
    struct network network;
    if (key->may_be_empty && text[0] == '\0') {
        return NULL;
    }
    switch (key->type) {
    case CONFIG_HOST:
        return host_is_valid(text) ? NULL : "must be an address or a host name, without a port";
    case CONFIG_ADDRESS:
        return is_address(text) ? NULL : "must be host:port";
    case CONFIG_ADDRESSES:
        return is_address(text) ? NULL : "must be a list of host:port";
    case CONFIG_SEEDS:
        return is_seed(text) ? NULL : "must be host:port or unix:/path, or several of them with commas between";
    case CONFIG_LABEL:
        return is_label(text) ? NULL : "must be 1-32 characters of a-z 0-9 -, with no - at either end";
    case CONFIG_ORIGINS:
        return is_origin(text) ? NULL : "must be a list of origins like https://shop.example, in lower case, or \"*\"";
    case CONFIG_NETWORKS:
        return network_parse(text, &network) == 0 ? NULL : "must be a list of IP addresses or networks like 10.0.0.0/8";
    case CONFIG_URL:
        return http_url_is_valid(text) ? NULL : "must be a URL like http://127.0.0.1:4318, without user, ? and #";
    case CONFIG_HEADERS:
        return http_header_is_valid(text) ? NULL
                                          : "must be a list of \"Name: value\", with no name that says how a body is "
                                            "sent (Content-Type, ...)";
    case CONFIG_TOPIC:
        return is_topic(text) ? NULL : "must be 1-249 characters of a-z A-Z 0-9 . _ -";
    default:
        return is_text(text) ? NULL : "must be at most 512 bytes of UTF-8 without control characters";
    }
}

int config_check_string(const struct config_key *key, const char *text, struct error *error)
{
    const char *rule = broken_rule(key, text);
    if (rule == NULL) {
        return 0;
    }
    if (key->secret) {
        error_set(error, "%s", rule);
    } else {
        error_set(error, "%s, not \"%.*s\"", rule, QUOTED_LEN_MAX, text);
    }
    return -1;
}
