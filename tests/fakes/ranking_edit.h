/* A top in Redis changed by hand: its string, and what the state says of it. Nobody else may write meanwhile. Functions
 * fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_RANKING_EDIT_H
#define TALLY_TESTS_FAKES_RANKING_EDIT_H

#include <stdbool.h>

#include "common/base/buffer.h"
#include "counter-service/aggregator/aggregator_run.h"
#include "counter-service/ranking/ranking_table.h"

struct ranking_edit {
    struct redis_conn *conn; /* the fixture's */
    char name[64];           /* "like day 2026-11-28" */
    char key[64];            /* of the string, and */
    char field[64];          /* of the state: what says the rest */
    struct buffer string;
    struct ranking_top top;
    struct ranking_table table; /* who was in it when it was read */
};

/* Reads the top of the window ("day") in its running period, or in the one before. */
void ranking_edit_begin(struct ranking_edit *edit, struct redis_conn *conn, const struct aggregator_run *run,
                        const char *window, bool is_former);
void ranking_edit_done(struct ranking_edit *edit);

/* Whoever is at that place, from 0 on, with the score. To be freed. */
char *ranking_edit_member(struct ranking_edit *edit, size_t place, int64_t *ret_score);
/* Adds a place to the string and to what the state says of its length. more: members, 1, 0 or -1. */
void ranking_edit_put(struct ranking_edit *edit, const char *resource_id, int64_t score, int more);
/* Writes both as they are here; or the field alone. */
void ranking_edit_save(const struct ranking_edit *edit);
void ranking_edit_save_field(const struct ranking_edit *edit);

#endif
