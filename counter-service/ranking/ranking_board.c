#include "counter-service/ranking/ranking_board.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/decimal.h"

bool ranking_top_has(const struct ranking_top *top, int64_t score, struct text resource_id)
{
    return ranking_place_is_had(top->is_bounded ? &top->floor : NULL, score, resource_id);
}

struct ranking_top ranking_top_unfilled(int64_t since_ms)
{
    return (struct ranking_top){.since_ms = since_ms, .is_bounded = true, .floor = {.score = INT64_MAX}};
}

/* Of those that hold anything: an aggregator that comes after a long time has some over. */
enum { BUCKETS_MAX = 10 * 1000 };

bool ranking_board_is_sane(const struct ranking_board *board, const struct ranking_window *window)
{
    const int64_t last = ranking_period_at(window, RANKING_TIME_MAX_MS);
    const bool is_rolling = window->kind == RANKING_KIND_ROLLING;
    return board->period >= ranking_period_at(window, 0) && board->period <= last &&
           (!is_rolling || (board->oldest >= 0 && board->oldest <= board->period && board->newest >= -1 &&
                            board->newest <= board->period && board->newest - board->oldest <= BUCKETS_MAX));
}

bool ranking_board_lets_go(const struct ranking_board *board, const struct ranking_window *window)
{
    return window->kind == RANKING_KIND_ROLLING && board->oldest <= board->newest &&
           board->oldest <= board->period - window->bucket_count;
}

/* ---- names ---- */

static struct text printed(const char *out, int len)
{
    return (struct text){out, (size_t)len};
}

struct text ranking_records_key(char *out, struct text counter_type)
{
    return printed(out, snprintf(out, RANKING_KEY_SIZE, "r:%.*s", (int)counter_type.len, counter_type.data));
}

struct text ranking_top_key(char *out, struct text counter_type, const struct ranking_window *window, size_t slot)
{
    return printed(out, snprintf(out, RANKING_KEY_SIZE, "r:%.*s:%s:%zu", (int)counter_type.len, counter_type.data,
                                 window->key, slot));
}

struct text ranking_bucket_key(char *out, struct text counter_type, const struct ranking_window *window, int64_t bucket)
{
    return printed(out, snprintf(out, RANKING_KEY_SIZE, "r:%.*s:%s:b%" PRId64, (int)counter_type.len, counter_type.data,
                                 window->key, bucket));
}

struct text ranking_board_field(char *out, struct text counter_type, const struct ranking_window *window)
{
    return printed(out,
                   snprintf(out, RANKING_KEY_SIZE, "b:%.*s:%s", (int)counter_type.len, counter_type.data, window->key));
}

struct text ranking_top_field(char *out, struct text counter_type, const struct ranking_window *window, size_t slot)
{
    return printed(out, snprintf(out, RANKING_KEY_SIZE, "s:%.*s:%s:%zu", (int)counter_type.len, counter_type.data,
                                 window->key, slot));
}

/* ---- values ---- */

/* Neither a counter_type nor a window's key has a blank. */
struct text ranking_fed_name(char *out, struct text counter_type, const struct ranking_window *window)
{
    return printed(out,
                   snprintf(out, RANKING_KEY_SIZE, " %.*s:%s ", (int)counter_type.len, counter_type.data, window->key));
}

bool ranking_fed_has_window(struct text fed, struct text counter_type, const struct ranking_window *window)
{
    char name[RANKING_KEY_SIZE];
    const struct text wanted = ranking_fed_name(name, counter_type, window);
    return fed.len > 0 && memmem(fed.data, fed.len, wanted.data, wanted.len) != NULL;
}

struct text ranking_board_put(char out[RANKING_BOARD_TEXT_SIZE], const struct ranking_board *board)
{
    return printed(out, snprintf(out, RANKING_BOARD_TEXT_SIZE, "%" PRId64 " %" PRId64 " %" PRId64 " %d", board->period,
                                 board->oldest, board->newest, board->filling));
}

bool ranking_board_read(struct text text, struct ranking_board *board)
{
    int64_t filling;
    if (!decimal_parse(text_cut(&text, ' '), &board->period) || !decimal_parse(text_cut(&text, ' '), &board->oldest) ||
        !decimal_parse(text_cut(&text, ' '), &board->newest) || !decimal_parse(text, &filling)) {
        return false;
    }
    board->filling = filling != 0;
    return true;
}

struct text ranking_top_put(char out[RANKING_TOP_TEXT_SIZE], const struct ranking_top *top)
{
    int len = snprintf(out, RANKING_TOP_TEXT_SIZE, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, top->since_ms,
                       top->generation, top->length, top->members);
    if (top->is_bounded) {
        const size_t left = RANKING_TOP_TEXT_SIZE - (size_t)len;
        len += snprintf(out + len, left, " %" PRId64 " %.*s", top->floor.score, (int)top->floor.len,
                        top->floor.resource_id);
    }
    return printed(out, len);
}

static bool read_floor(struct text text, struct ranking_place *ret_floor)
{
    int64_t score;
    if (!decimal_parse(text_cut(&text, ' '), &score) || text.len > RESOURCE_ID_LEN_MAX) {
        return false;
    }
    ranking_place_set(ret_floor, score, text);
    return true;
}

/* A string of Redis has 512 MB at most. */
enum { STRING_MAX = 512 * 1024 * 1024 };
#define GENERATION_MAX INT64_C(1000000000000000000)

bool ranking_top_read(struct text text, struct ranking_top *ret_top)
{
    struct text rest = text;
    *ret_top = (struct ranking_top){.is_bounded = false};
    if (!decimal_parse(text_cut(&rest, ' '), &ret_top->since_ms) ||
        !decimal_parse(text_cut(&rest, ' '), &ret_top->generation) ||
        !decimal_parse(text_cut(&rest, ' '), &ret_top->length) ||
        !decimal_parse(text_cut(&rest, ' '), &ret_top->members) || ret_top->generation < 0 ||
        ret_top->generation > GENERATION_MAX || ret_top->length < 0 || ret_top->length > STRING_MAX ||
        ret_top->members < 0 || ret_top->members > STRING_MAX) {
        return false;
    }
    ret_top->is_bounded = rest.len > 0;
    return !ret_top->is_bounded || read_floor(rest, &ret_top->floor);
}
