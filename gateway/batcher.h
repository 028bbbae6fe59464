/* The batcher: a batch is whatever arrived while the loop was busy. Each event loop owns one.
 *
 *     counter_handlers ── batcher_submit ──> waiting operations ── end of turn ──> one SessionIncrement, one BatchGet
 *     RPC's answer ──> each operation's result ──> submission->on_done
 *
 * The next RPC of a kind leaves while fewer than three of that kind are out that are younger than 3 ms, and at least
 * half as many items wait as these carry; with none out it leaves at once. At most BATCH_ITEMS_MAX items an RPC. An
 * operation past its request's deadline is answered alone: STATUS_NOT_SENT_IN_TIME if it never left,
 * STATUS_DEADLINE_EXCEEDED if it did. All functions run on the loop's thread.
 */
#ifndef TALLY_GATEWAY_BATCHER_H
#define TALLY_GATEWAY_BATCHER_H

#include <stddef.h>
#include <stdint.h>

#include "common/compiler.h"
#include "gateway/counter_client.h"
#include "gateway/operation.h"

/* The operations of one HTTP request, all of one kind, on their way. Embedded in the request's state; outlives its
 * operations' answers (an abandoned request is kept until on_done). */
struct submission {
    enum batch_kind kind;
    struct operation *operations;
    size_t operation_count;
    int64_t deadline_us; /* monotonic */
    /* Called once, when every operation has its result; never from inside batcher_submit. It may submit another. */
    void (*on_done)(struct submission *submission);
    /* The batcher's own. */
    size_t unanswered;
};

struct batcher;

struct batcher *batcher_create(struct counter_client *client) MUST_CHECK;
/* Everything waiting or sent was answered before. NULL is fine. */
void batcher_free(struct batcher *batcher);

/* Takes the operations that are not `done`, at least one; those that are broke a rule and are not sent.
 * STATUS_OK, or STATUS_SHED when out of memory: then nothing was taken. */
enum status batcher_submit(struct batcher *batcher, struct submission *submission) MUST_CHECK;

/* End of a turn: sends what may leave, answers what is past its deadline. Returns the monotonic time at which it wants
 * to be called again, INT64_MAX for never. */
int64_t batcher_turn(struct batcher *batcher, int64_t now_us);

/* Answers everything still waiting or sent: STATUS_DRAINING if it never left, STATUS_DEADLINE_EXCEEDED if it did. */
void batcher_abort(struct batcher *batcher);

#endif
