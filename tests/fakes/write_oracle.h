/* What the write script must do, as a model in C that knows nothing of Redis: counters, records of idempotency keys,
 * sessions with their lanes. For tests that send the real script the same and compare. */
#ifndef TALLY_TESTS_FAKES_WRITE_ORACLE_H
#define TALLY_TESTS_FAKES_WRITE_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/contract/status.h"

enum {
    ORACLE_COUNTERS = 6,
    ORACLE_KEYS = 4, /* idempotency keys of a counter; 0 is none */
    ORACLE_LANES = 4,
    ORACLE_SESSIONS_MAX = 512,
    ORACLE_ITEMS_MAX = 5,
};

/* The counters that batches write to. Some are none, and stay so. */
struct oracle_counter {
    const char *resource_id;
    const char *counter_type;
    enum status refused; /* STATUS_OK, or what an increment of it always ends in */
};
extern const struct oracle_counter oracle_counters[ORACLE_COUNTERS];

struct oracle_item {
    unsigned counter;
    unsigned key;
    int64_t delta;
};

struct oracle_batch {
    unsigned session;
    unsigned lane;
    int64_t sequence;
    size_t item_count;
    struct oracle_item items[ORACLE_ITEMS_MAX];
};

struct oracle_result {
    enum status status;
    int64_t value; /* if status is STATUS_OK, like replayed */
    bool replayed;
};

/* letter: the script's, A S N C or M. results: of A and S, one for each item. */
struct oracle_answer {
    char letter;
    struct oracle_result results[ORACLE_ITEMS_MAX];
};

struct oracle_lane {
    int64_t sequence; /* 0: no record */
    struct oracle_batch batch;
    struct oracle_answer answer;
};

struct oracle_session {
    bool exists;
    struct oracle_lane lanes[ORACLE_LANES];
};

struct oracle_key {
    bool kept;
    int64_t delta;
    int64_t value;
};

struct oracle {
    bool exists[ORACLE_COUNTERS];
    int64_t values[ORACLE_COUNTERS];
    struct oracle_key keys[ORACLE_COUNTERS][ORACLE_KEYS];
    struct oracle_session sessions[ORACLE_SESSIONS_MAX];
};

/* One copy of the batch arrives: the answer to it, and what it changes. */
struct oracle_answer oracle_write(struct oracle *oracle, const struct oracle_batch *batch);

void oracle_open_session(struct oracle *oracle, unsigned session);
void oracle_end_session(struct oracle *oracle, unsigned session);
/* All of it is lost. */
void oracle_flush(struct oracle *oracle);

/* How many fields the session's hash has; 0 if there is none. */
size_t oracle_session_fields(const struct oracle *oracle, unsigned session);
/* How many keys Redis has: those of counters that can be written, records and sessions. */
size_t oracle_key_count(const struct oracle *oracle);

#endif
