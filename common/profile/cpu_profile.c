#include "common/profile/cpu_profile.h"

#include "common/base/clock.h"
#include "common/profile/cpu_sampler.h"
#include "common/profile/thread_names.h"

enum { LOOK_MS = 50, PERIOD_NS = 1000 * 1000 * 1000 / CPU_SAMPLER_HZ };

static const struct profile_kind cpu_kind = {
    .values = {{"samples", "count"}, {"cpu", "nanoseconds"}},
    .period = {"cpu", "nanoseconds"},
    .drop_frames = "",
};

static void take_samples(struct profile *profile, struct thread_names *names)
{
    struct cpu_sample sample;
    while (cpu_sampler_take(&sample)) {
        const int64_t values[PROFILE_VALUES] = {sample.count, (int64_t)sample.count * PERIOD_NS};
        profile_add(profile, sample.frames, sample.depth, thread_names_find(names, sample.thread_id), values);
    }
}

int cpu_profile_take(int seconds, bool (*pause)(void *ctx, int pause_ms), void *ctx, struct profile *ret_profile,
                     struct error *error)
{
    struct thread_names names = {.count = 0};
    const int64_t start_us = clock_monotonic_us();
    profile_init(ret_profile, &cpu_kind, PERIOD_NS);
    ret_profile->start_us = clock_realtime_us();
    if (cpu_sampler_start(error) != 0) {
        return -1;
    }
    while (clock_monotonic_us() < start_us + (int64_t)seconds * 1000 * 1000 && pause(ctx, LOOK_MS)) {
        take_samples(ret_profile, &names);
        cpu_sampler_follow_threads();
    }
    cpu_sampler_stop();
    take_samples(ret_profile, &names);
    ret_profile->duration_us = clock_monotonic_us() - start_us;
    ret_profile->lost += cpu_sampler_lost();
    return 0;
}
