#include "counter-service/aggregator/aggregator_clock.h"

#include "common/base/clock.h"

/* By so much Redis's clock may be ahead of what passed here between two looks. */
enum { SLACK_MS = 2000 };

int64_t aggregator_clock_believe(struct aggregator_clock *clock, int64_t redis_ms, int64_t event_ms, int64_t now_us)
{
    if (clock->believed_ms == 0) {
        *clock = (struct aggregator_clock){redis_ms, now_us};
    }
    if (event_ms > clock->believed_ms) {
        *clock = (struct aggregator_clock){event_ms, now_us};
    }
    const int64_t latest_ms = clock->believed_ms + (now_us - clock->at_us) / 1000 + SLACK_MS;
    if (redis_ms <= latest_ms) {
        *clock = (struct aggregator_clock){redis_ms, now_us};
    }
    return clock_earlier(redis_ms, latest_ms);
}
