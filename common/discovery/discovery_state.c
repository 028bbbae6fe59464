#include "common/discovery/discovery_state.h"

#include "common/base/clock.h"

void discovery_state_init(struct discovery_state *state, const char *component, const char *service)
{
    *state = (struct discovery_state){.component = component, .service = service};
    pthread_mutex_init(&state->lock, NULL);
    atomic_init(&state->is_up, false);
    atomic_init(&state->last_success_us, 0);
    atomic_init(&state->failure_count, 0);
}

void discovery_state_done(struct discovery_state *state)
{
    pthread_mutex_destroy(&state->lock);
}

static void put_failure(struct discovery_state *state, const char *message)
{
    pthread_mutex_lock(&state->lock);
    error_set(&state->failure, "%s", message);
    pthread_mutex_unlock(&state->lock);
}

void discovery_state_succeeded(struct discovery_state *state)
{
    atomic_store_explicit(&state->last_success_us, clock_realtime_us(), memory_order_relaxed);
    atomic_store_explicit(&state->is_up, true, memory_order_relaxed);
    put_failure(state, "");
    if (state->failure_was_logged) {
        log_info(state->component, "follows the instances again", LOG_STR("service", state->service));
        state->failure_was_logged = false;
    }
}

void discovery_state_failed(struct discovery_state *state, const char *message)
{
    uint64_t times;
    atomic_store_explicit(&state->is_up, false, memory_order_relaxed);
    atomic_fetch_add_explicit(&state->failure_count, 1, memory_order_relaxed);
    put_failure(state, message);
    if (log_limiter_allows(&state->failures, clock_monotonic_us(), &times)) {
        log_warn(state->component, "cannot follow the instances, the last ones stay",
                 LOG_STR("service", state->service), LOG_STR("error", message), LOG_INT("times", times));
        state->failure_was_logged = true;
    }
}

void discovery_state_describe(struct discovery_state *state, struct discovery_description *ret_description)
{
    ret_description->is_up = atomic_load_explicit(&state->is_up, memory_order_relaxed);
    ret_description->last_success_us = atomic_load_explicit(&state->last_success_us, memory_order_relaxed);
    ret_description->failure_count = atomic_load_explicit(&state->failure_count, memory_order_relaxed);
    pthread_mutex_lock(&state->lock);
    ret_description->failure = state->failure;
    pthread_mutex_unlock(&state->lock);
}
