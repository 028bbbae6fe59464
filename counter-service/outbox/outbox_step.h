/* The command for one step of a consumer of the outbox, and its answer: outbox_step.lua says what they mean. Pure
 * functions, no I/O. */
#ifndef TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_STEP_H
#define TALLY_COUNTER_SERVICE_OUTBOX_OUTBOX_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/event/event.h"
#include "counter-service/redis/redis_conn.h"

enum { OUTBOX_TOKEN_LEN = 32 };

/* All up to the entry is done. */
struct outbox_position {
    struct stream_id id;
    uint64_t number; /* of the entry's last event; events of a partition are numbered from 1 */
};

/* Names of consumers. */
extern const struct text outbox_consumer_kafka;
extern const struct text outbox_consumer_rankings;

/* Consumers that the configuration has, in any order of bits. */
enum { OUTBOX_HAS_KAFKA = 1, OUTBOX_HAS_RANKINGS = 2 };
unsigned outbox_consumers_of(const struct config *config);

struct outbox_step_request {
    struct text verb;                      /* EVALSHA or EVAL, */
    struct text script;                    /* and the script's hash or text */
    const struct redis_key_prefix *prefix; /* of the partition */
    struct text consumer;                  /* "kafka" */
    unsigned configured;                   /* OUTBOX_HAS_*: nothing is trimmed as long as one has no position */
    const char *token;                     /* OUTBOX_TOKEN_LEN characters */
    int lease_ms;                          /* 0: give the lease up */
    const struct outbox_position *move_to; /* NULL: nowhere */
    struct stream_id read_after;
    size_t count;
    bool leaves_free;    /* a lease that nobody has is not taken */
    bool asks;           /* whoever has the lease for it; */
    size_t led;          /* how many the instance has itself */
    const char *hand_to; /* the token of the instance that gets the lease; NULL: none */
};

enum outbox_lease {
    OUTBOX_OWNED,
    OUTBOX_TAKEN, /* a moment ago: start again from the position */
    OUTBOX_HELD,  /* by another instance */
    OUTBOX_FREE   /* nobody has it, and it was left so */
};

/* Another instance that would like to have the lease. */
struct outbox_asker {
    bool is_there;
    size_t led; /* how many leases it has */
    char token[OUTBOX_TOKEN_LEN + 1];
};

struct outbox_step {
    enum outbox_lease lease;
    uint64_t appended; /* number of the last event of the partition; 0: none was ever kept */
    uint64_t trimmed;  /* of the last one that is no longer in the stream */
    struct outbox_position position;
    int64_t now_ms;             /* Redis's clock, since 1970 */
    struct redis_reply entries; /* REDIS_ARRAY; valid as long as the reply it was read from */
    bool has_more;              /* there may be entries behind these */
    struct outbox_asker asker;  /* of a lease that is owned */
};

/* One entry of the stream, as it was read. The texts are valid as long as the reply. */
struct outbox_raw_entry {
    struct stream_id id;
    uint64_t first_number;
    struct text items;
    struct text results;
};

/* Returns 0, or -1 when out of memory: then out is as before. */
int outbox_step_append(struct buffer *out, const struct outbox_step_request *request) MUST_CHECK;
/* Returns 0, or -1 with error filled: Redis refused, or the answer is none of the script's. */
int outbox_step_read(const struct redis_reply *reply, struct outbox_step *ret_step, struct error *error) MUST_CHECK;
/* Entry `index` of the step's. Returns 0; or -1 if it is none that the write script has added: then *ret_entry has its
 * id only. */
int outbox_step_entry(const struct outbox_step *step, size_t index, struct outbox_raw_entry *ret_entry) MUST_CHECK;

#endif
