/* The results of a request, from Redis to HTTP: one table, so that every layer tells the same story.
 * Two outcomes are two statuses: a write that Redis refused is not the same thing as one whose reply was lost. */
#ifndef TALLY_COMMON_CONTRACT_STATUS_H
#define TALLY_COMMON_CONTRACT_STATUS_H

#include <stdbool.h>

/* What an error says about the write it answers. */
enum outcome {
    OUTCOME_APPLIED,
    OUTCOME_NOT_APPLIED, /* nothing was changed: safe to retry */
    OUTCOME_UNKNOWN,     /* sent, and no answer came: retry with the same key */
};

/* name, gRPC code (google.rpc.Code), HTTP code, a re-send may help, outcome, problem slug, problem title.
 * NOT_REPLICATED is not sent again, though that may help: the replicas were waited for already.
 * OUT_OF_MEMORY and SHED differ within this process only: a caller is told the same. */
#define STATUS_TABLE(X) \
    X(OK, 0, 200, false, APPLIED, "ok", "OK") \
    X(INVALID_ARGUMENT, 3, 400, false, NOT_APPLIED, "invalid-argument", "Invalid argument") \
    X(OVERFLOW, 11, 409, false, NOT_APPLIED, "overflow", "The value would overflow") \
    X(TOO_MANY_COUNTER_TYPES, 9, 409, false, NOT_APPLIED, "too-many-counter-types", "Too many counter types") \
    X(NO_SUCH_RANKING, 5, 404, false, NOT_APPLIED, "no-such-ranking", "No such ranking") \
    X(KEY_REUSED, 6, 422, false, NOT_APPLIED, "idempotency-key-reused", "Idempotency key reused") \
    X(NO_SESSION, 10, 503, false, NOT_APPLIED, "no-session", "No such session") \
    X(DATA_DAMAGED, 9, 500, false, NOT_APPLIED, "data-damaged", "Stored data is damaged") \
    X(UNIMPLEMENTED, 12, 500, true, NOT_APPLIED, "version-mismatch", "The service is of another version") \
    X(SHED, 8, 503, true, NOT_APPLIED, "overloaded", "Overloaded") \
    X(OUT_OF_MEMORY, 8, 503, true, NOT_APPLIED, "overloaded", "Overloaded") \
    X(REDIS_DOWN, 14, 503, true, NOT_APPLIED, "store-unavailable", "The store is unavailable") \
    X(WRITES_REFUSED, 14, 503, false, NOT_APPLIED, "store-refuses-writes", "The store refuses writes") \
    X(EXPIRED, 14, 503, true, NOT_APPLIED, "deadline-passed", "The deadline passed before the write") \
    X(DRAINING, 14, 503, true, NOT_APPLIED, "draining", "Shutting down") \
    X(NO_SERVICE, 14, 503, true, NOT_APPLIED, "no-service", "No healthy counter-service") \
    X(NOT_SENT_IN_TIME, 14, 503, false, NOT_APPLIED, "not-sent-in-time", "Not sent in time") \
    X(REPLY_LOST, 2, 504, true, UNKNOWN, "reply-lost", "No answer from the store") \
    X(NOT_REPLICATED, 2, 504, false, UNKNOWN, "not-replicated", "Applied, and not replicated in time") \
    X(DEADLINE_EXCEEDED, 4, 504, false, UNKNOWN, "deadline-exceeded", "No answer in time")

enum status {
#define STATUS_ENUM(name, grpc, http, retriable, outcome, slug, title) STATUS_##name,
    STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
        STATUS_COUNT
};

/* "INVALID_ARGUMENT": the constant's name, for messages of tests. */
const char *status_name(enum status status);
/* A google.rpc.Code. */
int status_grpc_code(enum status status);
/* An HTTP status code. */
int status_http_code(enum status status);
/* Whether sending the same request again, in the same session or under the same key, may help. */
bool status_is_retriable(enum status status);
enum outcome status_outcome(enum status status);
/* "invalid-argument": the last part of a problem document's type (RFC 9457). */
const char *status_slug(enum status status);
/* "Invalid argument": a problem document's title. */
const char *status_title(enum status status);
/* "applied", "not_applied" or "unknown": as in the tally-outcome trailer and the problem document. */
const char *outcome_name(enum outcome outcome);

#endif
