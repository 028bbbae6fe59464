/* Commands to Redis where speed does not matter: made of words, with answers that must not be errors. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_COMMAND_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_COMMAND_H

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "counter-service/redis/redis_conn.h"

/* Out of memory: out->failed is set. */
void redis_command_append(struct buffer *out, const struct text *words, size_t word_count);
/* redis_command_words(out, TEXT("GET"), key) */
#define redis_command_words(out, ...) \
    redis_command_append((out), (const struct text[]){__VA_ARGS__}, \
                         sizeof((const struct text[]){__VA_ARGS__}) / sizeof(struct text))

/* WAIT for so many replicas, for so long at most. Out of memory: the same. */
void redis_command_wait(struct buffer *out, int replicas, int timeout_ms);

/* Starts an exchange of the requests. Returns 0, or -1 with error filled if memory ran out while they were appended. */
int redis_command_begin(struct redis_conn *conn, const struct buffer *requests, int timeout_ms, struct error *error)
    MUST_CHECK;
/* The next reply, which must not be an error; command names it in the sentence. Returns 0, or -1 with error filled. */
int redis_command_expect(struct redis_conn *conn, const char *command, struct redis_reply *ret_reply,
                         struct error *error) MUST_CHECK;

/* The value of a field in the answer to HGETALL; empty if it is not there. */
struct text redis_reply_field(const struct redis_reply *fields, struct text name);

#endif
