#include "counter-service/verify/relay_wait.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/config/config_units.h"
#include "counter-service/verify/report.h"

enum { LOOK_EVERY_MS = 100 };

static int tell_standstill(const char *where, const struct relay_position *position, int timeout_ms,
                           struct error *error)
{
    char timeout[CONFIG_NUMBER_SIZE];
    config_units_format(CONFIG_UNIT_DURATION, timeout_ms, timeout);
    if (position->waiting == 0) { /* dropped, or the position was deleted */
        error_set(error,
                  "no event waits in Redis%s, but the relay has not come to the last entry, in %s: it is at %" PRIu64
                  "-%" PRIu64 " (key pos:kafka; 0-0 where it is missing): counter-service's /health says why",
                  where, timeout, position->id.ms, position->id.seq);
        return -1;
    }
    error_set(error,
              "%" PRIu64
              " event%s wait%s in Redis%s, and none was published for %s: counter-service's /health says why",
              position->waiting, report_plural(position->waiting), position->waiting == 1 ? "s" : "", where, timeout);
    return -1;
}

int relay_wait(struct redis_reader *reader, struct stream_id cut, int timeout_ms, struct error *error)
{
    const int64_t timeout_us = (int64_t)timeout_ms * 1000;
    struct stream_id before = {0, 0};
    int64_t give_up_us = clock_monotonic_us() + timeout_us;
    for (;;) {
        struct relay_position position;
        if (redis_reader_position(reader, &position, error) != 0) {
            return -1;
        }
        if (stream_id_compare(position.id, cut) >= 0) {
            return 0;
        }
        const int64_t now_us = clock_monotonic_us();
        if (stream_id_compare(position.id, before) != 0) {
            before = position.id;
            give_up_us = now_us + timeout_us;
        } else if (now_us >= give_up_us) {
            return tell_standstill(reader->where, &position, timeout_ms, error);
        }
        clock_sleep_ms(LOOK_EVERY_MS);
    }
}
