/* Rankings of "like" as they stand in a real Redis, written by the test in the aggregator's place, and questions about
 * them that are asked through a store. Functions fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_FAKE_RANKING_H
#define TALLY_TESTS_FAKES_FAKE_RANKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buffer.h"
#include "common/base/error.h"
#include "counter-service/commands/ranking_read.h"
#include "counter-service/ranking/ranking_answer.h"
#include "tests/fakes/store_fixture.h"

#define FAKE_RANKING_STATE "tally:{p0}:rankings"

enum { FAKE_RANKING_TODAY = 20782, FAKE_RANKING_KEEP = 100 }; /* 2026-11-25: even, so that its slot is 0 */

/* ---- what the aggregator writes ---- */

/* What is written from now on is of that partition; 0 at first. */
void fake_ranking_use_partition(int number);
/* Of any words, also with NUL bytes. */
void fake_ranking_command(struct store_fixture *fixture, const struct text *words, size_t count);
#define COMMAND(fixture, ...) \
    fake_ranking_command((fixture), (const struct text[]){__VA_ARGS__}, \
                         sizeof((const struct text[]){__VA_ARGS__}) / sizeof(struct text))

/* at: "5-0 7", the position of the last event counted; appended: the number of the last one that there is. */
void fake_ranking_set_marks(struct store_fixture *fixture, const char *at, const char *appended);
void fake_ranking_set_board(struct store_fixture *fixture, const char *window, struct ranking_board board);
void fake_ranking_set_top(struct store_fixture *fixture, const char *window, size_t slot, struct ranking_top top);

struct fake_ranking_member {
    const char *resource_id;
    int64_t score;
};

/* The string of a top. */
struct buffer fake_ranking_places_of(const struct fake_ranking_member *members, size_t count);
/* "tally:{p0}:r:like:day:0"; valid until the next call. */
const char *fake_ranking_top_key(const char *window, size_t slot);

/* The string and the top that tells of it. */
void fake_ranking_set_members(struct store_fixture *fixture, const char *window, size_t slot, struct ranking_top top,
                              const struct fake_ranking_member *members, size_t count);
#define MEMBERS(fixture, window, slot, top, ...) \
    fake_ranking_set_members((fixture), (window), (slot), (top), (const struct fake_ranking_member[]){__VA_ARGS__}, \
                             sizeof((const struct fake_ranking_member[]){__VA_ARGS__}) / \
                                 sizeof(struct fake_ranking_member))

/* Of the day and the day before. */
void fake_ranking_set_record(struct store_fixture *fixture, const char *resource_id, int64_t today, int64_t yesterday);

extern const struct ranking_top fake_ranking_whole;

/* first 9, B 5, a 5, b 5, last -3, in a string of six places. */
enum { FAKE_RANKING_FIVE_PLACES = 6 };
extern const struct fake_ranking_member fake_ranking_five[FAKE_RANKING_FIVE_PLACES];

/* A day's ranking of five, and one of two the day before. */
void fake_ranking_write_days(struct store_fixture *fixture);
void fake_ranking_write_days_as(struct store_fixture *fixture, struct ranking_top today);

/* ---- asking ---- */

struct fake_ranking_asked {
    enum status status;
    const char *detail;
    struct error error;
    struct ranking_answer answer; /* an empty one unless STATUS_OK; its entries are valid until the next question */
    bool lacks_rank;
};

/* All of the ranking. */
struct fake_ranking_asked fake_ranking_ask_best(struct store_fixture *fixture, const char *window, const char *period,
                                                uint32_t limit, uint32_t offset);
/* All of it, and the resource's total. */
struct fake_ranking_asked fake_ranking_ask_one(struct store_fixture *fixture, const char *window, const char *period,
                                               const char *resource_id, uint32_t neighbours);
/* The total alone. */
struct fake_ranking_asked fake_ranking_ask_total(struct store_fixture *fixture, const char *window,
                                                 const char *resource_id);

/* "1 first 9, 2 B 5": rank, resource, score. */
void fake_ranking_assert_entries(struct fake_ranking_asked asked, const char *expected);
void fake_ranking_assert_damaged(struct fake_ranking_asked asked);

#endif
