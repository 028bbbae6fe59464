/* The batcher: a batch is whatever arrived while the loop was busy. Each event loop owns one.
 *
 *     counter_handlers ── batcher_submit ──> waiting operations ── end of turn ──> one SessionIncrement, one BatchGet
 *     RPC's answer ──> each operation's result ──> submission->on_done
 *
 * Operations wait in four lines, those of small and of large requests, increments and reads; an RPC carries those of
 * one line, at most BATCH_ITEMS_MAX. It leaves when all of these allow it:
 *
 *   - the window of items that the service takes (send_window.h);
 *   - of its line fewer than three RPCs are out that are younger than 3 ms,
 *     and at least half as many items wait as these carry; a full RPC does not wait for that;
 *   - an increment has a place in the session;
 *   - no call waits for an instance of the service to be back (counter_client.h).
 *
 * An operation that the service has shed waits again, in its place by the deadline. An operation past its request's
 * deadline is answered alone: STATUS_DEADLINE_EXCEEDED if it is out, STATUS_NOT_SENT_IN_TIME if it never left or was
 * shed. The latter comes a little before the deadline, as soon as an answer could not be in time any more. All
 * functions run on the loop's thread.
 */
#ifndef TALLY_GATEWAY_BATCH_BATCHER_H
#define TALLY_GATEWAY_BATCH_BATCHER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/trace/tracer.h"
#include "gateway/batch/operation.h"
#include "gateway/rpc/counter_client.h"

/* The operations of one HTTP request, all of one kind, on their way. Embedded in the request's state; outlives its
 * operations' answers (an abandoned request is kept until on_done). */
struct submission {
    enum batch_kind kind;
    struct operation *operations;
    size_t operation_count;
    int64_t deadline_us;            /* monotonic */
    const struct trace_step *trace; /* the request's; NULL: it is not traced */
    struct text trace_state;        /* with it */
    int64_t waits_since_us;         /* with it: monotonic */
    /* Called once, when every operation has its result; never from inside batcher_submit. It may submit another. */
    void (*on_done)(struct submission *submission);
    /* The batcher's own. */
    size_t unanswered;
};

struct batcher;

/* window_max: items out at once, at least 1. NULL when out of memory. */
struct batcher *batcher_create(struct counter_client *client, size_t window_max) MUST_CHECK;
/* Everything waiting or sent was answered before. NULL is fine. */
void batcher_free(struct batcher *batcher);

/* Takes the operations that are not `done`, at least one; those that are broke a rule and are not sent.
 * STATUS_OK, or STATUS_OUT_OF_MEMORY: then nothing was taken. */
enum status batcher_submit(struct batcher *batcher, struct submission *submission) MUST_CHECK;

/* End of a turn: sends what may leave, answers what is past its deadline. Returns the monotonic time at which it wants
 * to be called again, INT64_MAX for never. */
int64_t batcher_turn(struct batcher *batcher, int64_t now_us);

/* The monotonic time up to which a deadline is too near: an operation due by then would not be sent any more. */
int64_t batcher_too_late_us(const struct batcher *batcher, int64_t now_us);

/* Answers everything still waiting or sent: STATUS_DRAINING if it never left, STATUS_DEADLINE_EXCEEDED if it did. */
void batcher_abort(struct batcher *batcher);

#endif
