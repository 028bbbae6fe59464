/* A change of the rankings, whole or not at all:
 *
 *     [WATCH state]  ...reads...  ranking_txn_begin  commands  ranking_txn_commit: MULTI ... EXEC, WATCH state, HGET v
 *
 * Redis refuses it if anybody has written the state since it was watched, and every change writes the state: so of two
 * instances that both think that they lead one changes nothing, and a copy of a change that arrives late changes
 * nothing either. Between a commit and the next begin what was read stays true. A transaction of native commands costs
 * Redis two thirds of a script. Owned by one thread. */
#ifndef TALLY_COUNTER_SERVICE_BOARD_RANKING_TXN_H
#define TALLY_COUNTER_SERVICE_BOARD_RANKING_TXN_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "counter-service/board/ranking_state.h"
#include "counter-service/outbox/outbox_conn.h"

/* The arguments of one command that are gathered one by one. */
struct ranking_words {
    struct buffer body; /* RESP strings */
    size_t count;
};

enum { RANKING_TXN_EXPECTED_MAX = RANKINGS_MAX * RANKING_WINDOWS_MAX };

struct ranking_txn {
    struct buffer requests;
    struct ranking_words fields; /* of the state */
    size_t commands;
    size_t wholes; /* tops that it writes as a whole */
    struct {
        size_t command;
        int64_t result;
    } expected[RANKING_TXN_EXPECTED_MAX];
    size_t expected_count;
};

void ranking_txn_init(struct ranking_txn *txn);
void ranking_txn_done(struct ranking_txn *txn);

void ranking_words_clear(struct ranking_words *words);
void ranking_words_put(struct ranking_words *words, struct text word);
void ranking_words_put_integer(struct ranking_words *words, int64_t word);

void ranking_txn_begin(struct ranking_txn *txn);
/* The command on the key (a name behind the partition's prefix) with these arguments, unless there are none. */
void ranking_txn_add(struct ranking_txn *txn, const struct ranking_state *state, struct text verb, struct text key,
                     const struct ranking_words *words);
/* The same with arguments that are known: their count may be 0. */
void ranking_txn_add_plain(struct ranking_txn *txn, const struct ranking_state *state, struct text verb,
                           struct text key, const struct text *words, size_t word_count);
/* The command added last must end with this number. If it does not the transaction is done all the same, and the commit
 * fails. */
void ranking_txn_expect(struct ranking_txn *txn, int64_t result);
/* Writes a window's board, or the top of a slot. */
void ranking_txn_put_board(struct ranking_txn *txn, const struct ranked_window *ranked);
void ranking_txn_put_top(struct ranking_txn *txn, const struct ranked_window *ranked, size_t slot);

/* Says how far the chunk that is under way is. */
void ranking_txn_put_part(struct ranking_txn *txn, const struct ranking_state *state);

/* Returns 0; or -1 with error filled: somebody else has written, or something failed, and the connection is to be
 * closed and the state loaded anew. */
int ranking_txn_commit(struct ranking_txn *txn, struct ranking_state *state, const struct outbox_conn *conn,
                       struct error *error) MUST_CHECK;
/* Whether nobody else has written since, for a writer that has nothing to write: counter-verify may have marked a
 * window as to be filled. Returns 0; or -1 with error filled, as ranking_txn_commit. */
int ranking_txn_confirm(struct ranking_txn *txn, const struct ranking_state *state, const struct outbox_conn *conn,
                        struct error *error) MUST_CHECK;
/* The connection has served another state meanwhile, or is a new one: has Redis watch this state again and nothing
 * else, and asks that nobody has written it since the last commit. Before the reads of the next change. Returns 0; or
 * -1 with error filled, as ranking_txn_commit. */
int ranking_txn_resume(struct ranking_txn *txn, const struct ranking_state *state, const struct outbox_conn *conn,
                       struct error *error) MUST_CHECK;
/* Has Redis watch the state from here on, and whose store it is: FLUSHALL closes no connection. For whoever reads it.
 */
void ranking_txn_append_watch(struct buffer *out, const struct ranking_state *state, bool is_cluster);

#endif
