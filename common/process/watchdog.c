#include "common/process/watchdog.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/process/sd_notify.h"
#include "common/thread/background.h"

enum {
    LOOK_MS_MAX = 1000,
    /* A thread that has not turned for so long is stuck. */
    STUCK_MS = 5000,
};

struct watchdog {
    /* immutable after start */
    const char *component;
    int look_ms;
    int64_t period_us; /* between two messages: half of what the manager waits, as sd_watchdog_enabled(3) advises */
    struct background background;
    /* owned by the thread */
    struct heartbeats heartbeats;
    int64_t due_us; /* when the next message is */
    bool was_stuck;
    struct log_limiter limiter;
};

static void tell_manager(struct watchdog *watchdog, int64_t now_us)
{
    struct error error;
    uint64_t count;
    watchdog->due_us = now_us + watchdog->period_us;
    if (sd_notify_send("WATCHDOG=1", &error) != 0 && log_limiter_allows(&watchdog->limiter, now_us, &count)) {
        log_warn(watchdog->component, "the service manager is not told that all is well",
                 LOG_STR("error", error.message), LOG_INT("count", count));
    }
}

static void look(struct watchdog *watchdog)
{
    const unsigned looks_max = (unsigned)((STUCK_MS + watchdog->look_ms - 1) / watchdog->look_ms);
    const struct watched_thread *still = heartbeats_look(&watchdog->heartbeats, looks_max);
    const int64_t now_us = clock_monotonic_us();
    if (still != NULL && !watchdog->was_stuck) {
        log_error(watchdog->component, "a thread is stuck: the service manager will restart the program",
                  LOG_STR("thread", still->name), LOG_INT("number", still->number));
    }
    watchdog->was_stuck = still != NULL;
    if (still == NULL && now_us >= watchdog->due_us) {
        tell_manager(watchdog, now_us);
    }
}

static void run(void *ctx)
{
    struct watchdog *watchdog = ctx;
    do {
        look(watchdog);
    } while (background_pause(&watchdog->background, watchdog->look_ms));
}

int watchdog_start(const struct heartbeats *heartbeats, const char *component, struct watchdog **ret_watchdog,
                   struct error *error)
{
    const int64_t timeout_us = sd_notify_watchdog_us(getpid());
    if (timeout_us == 0) {
        *ret_watchdog = NULL;
        return 0;
    }
    struct watchdog *watchdog = calloc(1, sizeof(*watchdog));
    if (watchdog == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    watchdog->component = component;
    watchdog->heartbeats = *heartbeats;
    watchdog->period_us = timeout_us / 2;
    watchdog->due_us = clock_monotonic_us() + watchdog->period_us;
    /* About half a period at most, so that a look that comes late is still in time. */
    const int64_t look_ms = watchdog->period_us / 2000;
    watchdog->look_ms = look_ms > LOOK_MS_MAX ? LOOK_MS_MAX : (int)look_ms + 1;
    if (background_start(&watchdog->background, "watchdog", run, watchdog, error) != 0) {
        free(watchdog);
        return -1;
    }
    *ret_watchdog = watchdog;
    return 0;
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (watchdog != NULL) {
        background_join(&watchdog->background);
        free(watchdog);
    }
}
