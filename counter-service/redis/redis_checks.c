#include "counter-service/redis/redis_checks.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REDIS_MAJOR_MIN = 7, /* scripts with flags (#!lua), SET with both NX and GET */
    /* Of the keys and records in Redis: redis_keys.h, fingerprint.h and write_script.lua. */
    LAYOUT_VERSION = 1,
};

struct redis_quote redis_quote(struct text text)
{
    struct redis_quote quote;
    size_t len = text.len < REDIS_QUOTE_LEN_MAX ? text.len : REDIS_QUOTE_LEN_MAX;
    for (size_t i = 0; i < len; i++) {
        quote.text[i] = isprint((unsigned char)text.data[i]) ? text.data[i] : '?';
    }
    quote.text[len] = '\0';
    return quote;
}

struct text redis_info_field(struct text info, struct text name)
{
    const char *const end = info.data + info.len;
    for (const char *line = info.data; line < end;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        const char *next = line_end != NULL ? line_end + 1 : end;
        struct text value = {line, (size_t)((line_end != NULL ? line_end : end) - line)};
        value.len -= value.len > 0 && value.data[value.len - 1] == '\r';
        if (value.len > name.len && memcmp(line, name.data, name.len) == 0 && line[name.len] == ':') {
            return (struct text){line + name.len + 1, value.len - name.len - 1};
        }
        line = next;
    }
    return (struct text){NULL, 0};
}

struct redis_untold_text redis_untold_write(unsigned untold)
{
    static const struct {
        unsigned bit;
        const char *text;
    } names[] = {
        {REDIS_UNTOLD_ROLE, "whether it is a master"},
        {REDIS_UNTOLD_VERSION, "its version"},
        {REDIS_UNTOLD_POLICY, "its maxmemory-policy"},
        {REDIS_UNTOLD_VIEW, "whether a node knows how the Redis Cluster is now (CLUSTER INFO)"},
        {REDIS_UNTOLD_NODES, "whether a node is of the same Redis Cluster (ids in CLUSTER SLOTS)"},
    };
    struct redis_untold_text out = {.text = ""};
    size_t used = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((untold & names[i].bit) != 0) {
            used +=
                (size_t)snprintf(out.text + used, sizeof(out.text) - used, "%s%s", used > 0 ? ", " : "", names[i].text);
        }
    }
    return out;
}

int redis_check_version(struct text info, unsigned *untold, struct error *error)
{
    const struct text field = redis_info_field(info, TEXT("redis_version"));
    if (field.data == NULL) {
        *untold |= REDIS_UNTOLD_VERSION;
        return 0;
    }
    const struct redis_quote version = redis_quote(field);
    if (strtoul(version.text, NULL, 10) < REDIS_MAJOR_MIN) {
        error_set(error, "Redis is of version \"%s\": %d.0 or later is needed", version.text, REDIS_MAJOR_MIN);
        return -1;
    }
    return 0;
}

int redis_check_policy(struct text info, unsigned *untold, struct error *error)
{
    const struct text policy = redis_info_field(info, TEXT("maxmemory_policy"));
    if (policy.data == NULL) {
        *untold |= REDIS_UNTOLD_POLICY;
        return 0;
    }
    if (!text_equal(policy, TEXT("noeviction"))) {
        error_set(error, "Redis's maxmemory-policy is \"%s\": it must be noeviction, or counters and records get lost",
                  redis_quote(policy).text);
        return -1;
    }
    return 0;
}

int redis_check_role(struct text role, struct error *error)
{
    if (!text_equal(role, TEXT("master"))) {
        error_set(error, "Redis's role is \"%s\": it must be master", redis_quote(role).text);
        return -1;
    }
    return 0;
}

const struct text redis_meta_key = {"tally:meta", 10};

struct redis_meta redis_meta_of(int partitions)
{
    struct redis_meta meta;
    snprintf(meta.text, sizeof(meta.text), "layout=%d partitions=%d", LAYOUT_VERSION, partitions);
    return meta;
}

/* The number behind the words; 0 if they are not there, or it is none of partitions. */
static int partitions_after(const struct redis_quote *quote, const char *words)
{
    const char *at = strstr(quote->text, words);
    const unsigned long number = at != NULL ? strtoul(at + strlen(words), NULL, 10) : 0;
    return number <= REDIS_PARTITIONS_MAX ? (int)number : 0;
}

int redis_check_repartition(struct text found, struct error *error)
{
    const struct redis_quote quote = redis_quote(found);
    const int to = partitions_after(&quote, REDIS_REPARTITION_START);
    const int from = partitions_after(&quote, " from=");
    if (strncmp(quote.text, REDIS_REPARTITION_START, strlen(REDIS_REPARTITION_START)) != 0 || to == 0 || from == 0) {
        return 0;
    }
    if (strstr(quote.text, " phase=moved ") != NULL) {
        error_set(error,
                  "Redis's data were moved to another Redis, in %d partitions (key tally:meta): redis.addr must "
                  "name that one",
                  to);
        return -1;
    }
    error_set(error,
              "Redis's data are being repartitioned, from %d to %d (key tally:meta): nobody counts until "
              "counter-verify --repartition %d is done",
              from, to, to);
    return -1;
}

/* Only another number of partitions: a service begins with the number that redis.partitions or the data say. */
static bool is_other_number(struct text found, int partitions)
{
    const struct redis_meta meta = redis_meta_of(partitions);
    return partitions != 0 && text_equal(found, text_of(meta.text));
}

int redis_check_meta(struct text found, const struct redis_meta *expected, struct error *error)
{
    if (found.data == NULL || text_equal(found, text_of(expected->text))) {
        return 0;
    }
    if (redis_check_repartition(found, error) != 0) {
        return -1;
    }
    const struct redis_quote quote = redis_quote(found);
    const int partitions = partitions_after(&quote, " partitions=");
    if (is_other_number(found, partitions)) {
        error_set(error,
                  "Redis holds data of \"%s\" (key tally:meta), and this service began with \"%s\": it must be "
                  "started again, with redis.partitions 0 or %d",
                  quote.text, expected->text, partitions);
    } else {
        error_set(error, "Redis holds data of \"%s\" (key tally:meta), but this service is set to \"%s\"", quote.text,
                  expected->text);
    }
    return -1;
}

int redis_meta_read(struct text found, int configured, int *ret_partitions, struct error *error)
{
    const struct redis_quote quote = redis_quote(found);
    const int told = partitions_after(&quote, " partitions=");
    const int partitions = configured != 0 ? configured : told != 0 ? told : 1;
    const struct redis_meta meta = redis_meta_of(partitions);
    *ret_partitions = partitions;
    return redis_check_meta(found, &meta, error);
}
