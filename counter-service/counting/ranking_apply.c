#include "counter-service/counting/ranking_apply.h"

#include <assert.h>

#include "counter-service/board/ranking_change.h"
#include "counter-service/counting/ranking_rows.h"

/* The last transaction of the chunk: all of its events are counted. */
static int end(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
               const struct ranking_chunk *chunk, struct error *error)
{
    const int64_t time_ms = ranking_time_of(chunk->last.ms);
    ranking_change_tell_all(&work->txn, state);
    if (state->part.lanes > 0) {
        state->part.lanes = 0;
        ranking_txn_put_part(&work->txn, state);
    }
    state->at = (struct outbox_position){chunk->last, chunk->last_number};
    state->time_ms = time_ms > state->time_ms ? time_ms : state->time_ms;
    assert(state->time_ms < state->next_ms);
    return ranking_txn_commit(&work->txn, state, conn, error) == 0 ? 1 : -1;
}

static int apply_whole(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
                       struct ranking_chunk *chunk, struct error *error)
{
    return ranking_rows_put(work, state, conn, &chunk->rows, error) == 0 ? end(work, state, conn, chunk, error) : -1;
}

/* The next lanes. Those that had been written before whoever wrote them died are only lacking in the tops. */
static int apply_lanes(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
                       struct ranking_chunk *chunk, size_t rows_max, struct error *error)
{
    struct ranking_rows rows;
    const bool are_counted = chunk->lane < state->part.lanes;
    chunk->lane =
        ranking_chunk_group(chunk, chunk->lane, are_counted ? state->part.lanes : RANKING_LANES, rows_max, &rows);
    rows.are_counted = are_counted;
    if (ranking_rows_put(work, state, conn, &rows, error) != 0) {
        return -1;
    }
    if (!are_counted) {
        state->part = (struct ranking_part){.lanes = chunk->lane,
                                            .before = (int64_t)state->at.number,
                                            .last_number = (int64_t)chunk->last_number,
                                            .last_ms = ranking_time_of(chunk->last.ms),
                                            .seed = chunk->seed};
    }
    if (chunk->lane == RANKING_LANES) {
        return end(work, state, conn, chunk, error);
    }
    ranking_txn_put_part(&work->txn, state);
    return ranking_txn_commit(&work->txn, state, conn, error);
}

int ranking_apply(struct ranking_work *work, struct ranking_state *state, const struct outbox_conn *conn,
                  struct ranking_chunk *chunk, size_t rows_max, struct error *error)
{
    assert(state->is_loaded && (state->part.lanes == 0 || chunk->seed == state->part.seed));
    if (state->part.lanes == 0 && chunk->rows.count <= rows_max) {
        return apply_whole(work, state, conn, chunk, error);
    }
    if (!chunk->is_sorted) {
        ranking_chunk_sort(chunk);
    }
    return apply_lanes(work, state, conn, chunk, rows_max, error);
}
