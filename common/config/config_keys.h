/* The table of configuration keys: one row says everything about a key. Immutable; internal to config*.c. */
#ifndef TALLY_COMMON_CONFIG_CONFIG_KEYS_H
#define TALLY_COMMON_CONFIG_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config/config.h"

enum config_type {
    CONFIG_COUNT,     /* integer */
    CONFIG_DURATION,  /* integer field, milliseconds */
    CONFIG_BYTES,     /* integer field */
    CONFIG_RATIO,     /* integer field, billionths */
    CONFIG_CHOICE,    /* enum field */
    CONFIG_HOST,      /* string field: address or name */
    CONFIG_ADDRESS,   /* string field: host:port */
    CONFIG_LABEL,     /* string field: a label of a DNS name, CONFIG_LABEL_LEN_MAX characters at most */
    CONFIG_TOPIC,     /* string field: a Kafka topic's name */
    CONFIG_URL,       /* string field: http_syntax.h */
    CONFIG_TEXT,      /* string field: UTF-8 without control characters */
    CONFIG_ADDRESSES, /* char ** field of host:port, and how many they are */
    CONFIG_SEEDS,     /* char ** field of host:port or unix:/path, and how many; in the file a text with commas */
    CONFIG_ORIGINS,   /* char ** field of origins or "*", and how many they are */
    CONFIG_NETWORKS,  /* char ** field of IP addresses or networks, and how many they are */
    CONFIG_HEADERS,   /* char ** field of header lines, and how many they are: http_syntax.h */
    CONFIG_OPTIONS,   /* char ** field of name=value, and how many they are: config_option.h */
    CONFIG_RANKINGS,  /* the list `rankings`, of which there is one: config_rankings.h */
};

#define CONFIG_VARIABLE_PREFIX "TALLY_"

enum {
    CONFIG_LIST_LEN_MAX = 64, /* items */
    CONFIG_LABEL_LEN_MAX = 32,
    CONFIG_VARIABLE_SIZE = 64 /* a variable's name and its NUL */
};

struct config_key {
    const char *path;    /* "redis.addr" */
    size_t offset;       /* of the field in struct config */
    size_t size;         /* of the field: 4 or 8 bytes for integers */
    size_t count_offset; /* lists: of the size_t that counts them */
    const char *initial; /* default, as it would be written in the file; of a list: comma-separated */
    const char *min;     /* integers: the range, as it would be written in the file */
    const char *max;
    const char *const *choices; /* CONFIG_CHOICE: names of the enum's values from 0, NULL at the end */
    enum config_type type;
    bool may_be_empty; /* CONFIG_ADDRESS, CONFIG_HOST, CONFIG_URL */
    bool secret;
    bool applied_at_reload; /* at SIGHUP; the others at a restart */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* Whether the file has a sequence for it. */
static inline bool config_key_is_sequence(const struct config_key *key)
{
    return key->type == CONFIG_ADDRESSES || key->type == CONFIG_ORIGINS || key->type == CONFIG_NETWORKS ||
           key->type == CONFIG_HEADERS || key->type == CONFIG_OPTIONS;
}

/* Whether its field is a list of strings. */
static inline bool config_key_is_list(const struct config_key *key)
{
    return key->type == CONFIG_SEEDS || config_key_is_sequence(key);
}

/* Writes the environment variable of key, NUL-terminated: TALLY_REDIS_ADDR. */
void config_key_variable(const struct config_key *key, char out[CONFIG_VARIABLE_SIZE]);

#endif
