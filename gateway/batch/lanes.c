#include "gateway/batch/lanes.h"

#include <assert.h>
#include <string.h>

static_assert(SESSION_LANES % LANES_A_WORD == 0, "the last word is whole");
static_assert(SESSION_LANES <= UINT16_MAX, "a lane fits into the stack of those given up");

static bool has(const uint64_t words[LANE_WORDS], unsigned lane)
{
    return (words[lane / LANES_A_WORD] >> (lane % LANES_A_WORD) & 1) != 0;
}

static void add(uint64_t words[LANE_WORDS], unsigned lane)
{
    assert(!has(words, lane));
    words[lane / LANES_A_WORD] |= UINT64_C(1) << (lane % LANES_A_WORD);
}

static void drop(uint64_t words[LANE_WORDS], unsigned lane)
{
    assert(has(words, lane));
    words[lane / LANES_A_WORD] &= ~(UINT64_C(1) << (lane % LANES_A_WORD));
}

static void assert_counts(const struct lanes *lanes)
{
    assert(lanes->free_count + lanes->open_count + lanes->given_up_count == SESSION_LANES);
}

void lanes_init(struct lanes *lanes)
{
    memset(lanes, 0, sizeof(*lanes));
    memset(lanes->free, 0xFF, sizeof(lanes->free));
    lanes->free_count = SESSION_LANES;
    assert_counts(lanes);
}

bool lanes_any_left(const struct lanes *lanes)
{
    return lanes->open_count < SESSION_LANES;
}

static unsigned lowest_free(const struct lanes *lanes)
{
    unsigned word = 0;
    while (lanes->free[word] == 0) {
        word++;
        assert(word < LANE_WORDS); /* free_count said that there is one */
    }
    return word * LANES_A_WORD + (unsigned)__builtin_ctzll(lanes->free[word]);
}

bool lanes_take(struct lanes *lanes, unsigned *ret_lane)
{
    unsigned lane;
    if (lanes->given_up_count > 0) {
        lane = lanes->given_up[--lanes->given_up_count];
    } else if (lanes->free_count > 0) {
        lane = lowest_free(lanes);
        drop(lanes->free, lane);
        lanes->free_count--;
    } else {
        return false;
    }
    add(lanes->open, lane);
    lanes->open_count++;
    assert_counts(lanes);
    *ret_lane = lane;
    return true;
}

static void drop_open(struct lanes *lanes, unsigned lane)
{
    assert(lane < SESSION_LANES);
    assert(lanes->open_count > 0);
    drop(lanes->open, lane);
    lanes->open_count--;
}

void lanes_close(struct lanes *lanes, unsigned lane)
{
    drop_open(lanes, lane);
    add(lanes->free, lane);
    lanes->free_count++;
    assert_counts(lanes);
}

void lanes_give_up(struct lanes *lanes, unsigned lane)
{
    drop_open(lanes, lane);
    assert(lanes->given_up_count < SESSION_LANES);
    lanes->given_up[lanes->given_up_count++] = (uint16_t)lane;
    assert_counts(lanes);
}
