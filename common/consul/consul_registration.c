#include "common/consul/consul_registration.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/consul/consul_agent.h"
#include "common/log/log.h"
#include "common/metrics/metrics.h"
#include "common/thread/background.h"

enum {
    LOOK_INTERVAL_MS = 1000,
    /* Before the first registration, since most stores are known a moment after the start: to register again for the
     * store would begin the wait for the agent's first check anew. */
    STORE_PATIENCE_MS = 100,
    /* At the end a request that is running has so long to end by itself: if cancelled, it might reach the agent after
     * the removal. */
    LAST_REQUEST_MS = CONSUL_DEREGISTER_TIMEOUT_MS / 2,
    /* The removal itself has until a bit before the caller gives up, so that its error is the one that is logged. */
    REMOVAL_MS = CONSUL_DEREGISTER_TIMEOUT_MS * 9 / 10,
};

struct consul_registration {
    /* immutable after create */
    struct consul_agent *agent;
    struct consul_agent *last_agent; /* for the removal: the other one may be cancelled by then */
    struct background background;
    void (*read_store)(void *ctx, struct consul_store *ret_store); /* NULL: it has no store */
    void *ctx;
    /* owned by the thread */
    struct consul_service service; /* its host and store_id point to those below */
    char host[HOST_SIZE];          /* "" until it is learnt */
    char id[CONSUL_SERVICE_ID_SIZE];
    char store_id[STORE_ID_SIZE]; /* told last, "" for none */
    struct backoff backoff;
    struct log_limiter failures;
    bool was_registered;
    /* set by consul_registration_deregister: until when (monotonic) the thread may try to deregister; 0: not asked yet
     */
    _Atomic int64_t deregister_until_us;
    /* written by the thread, read by all */
    atomic_bool is_registered;
};

/* --- the thread --------------------------------------------------------------------------------------------------- */

static bool is_registered(const struct consul_registration *registration)
{
    return atomic_load_explicit(&registration->is_registered, memory_order_relaxed);
}

static void set_registered(struct consul_registration *registration, bool registered)
{
    atomic_store_explicit(&registration->is_registered, registered, memory_order_relaxed);
}

static int enter(struct consul_registration *registration, struct error *error)
{
    if (registration->host[0] == '\0' && consul_agent_own_host(registration->agent, registration->host, error) != 0) {
        return -1;
    }
    consul_service_id(&registration->service, registration->id);
    char *json = consul_service_json(&registration->service);
    if (json == NULL) {
        error_set(error, "out of memory");
        return -1;
    }
    const int result = consul_agent_register(registration->agent, json, error);
    free(json);
    return result;
}

static void after_entering(struct consul_registration *registration)
{
    log_info("consul", registration->was_registered ? "registered again" : "registered",
             LOG_STR("id", registration->id));
    registration->was_registered = true;
    set_registered(registration, true);
    backoff_reset(&registration->backoff);
}

static void after_failure(struct consul_registration *registration, const char *message)
{
    uint64_t times;
    set_registered(registration, false);
    if (log_limiter_allows(&registration->failures, clock_monotonic_us(), &times)) {
        log_warn("consul", "not registered", LOG_STR("service", registration->service.name), LOG_STR("error", message),
                 LOG_INT("times", times));
    }
}

/* Returns whether the store is another one than was told last. */
static bool take_store(struct consul_registration *registration)
{
    struct consul_store store;
    if (registration->read_store == NULL) {
        return false;
    }
    registration->read_store(registration->ctx, &store);
    if (strcmp(store.store_id, registration->store_id) == 0 && store.partitions == registration->service.partitions) {
        return false;
    }
    memcpy(registration->store_id, store.store_id, STORE_ID_SIZE);
    registration->service.partitions = store.partitions;
    return true;
}

/* Returns how long to wait before the next round. */
static int do_round(struct consul_registration *registration)
{
    struct error error;
    const bool says_all = !take_store(registration) && is_registered(registration);
    bool is_known = false;
    int result = says_all ? consul_agent_knows(registration->agent, registration->id, &is_known, &error) : 0;
    if (result == 0 && !is_known) {
        result = enter(registration, &error);
        if (result == 0) {
            after_entering(registration);
        }
    }
    if (result == 0) {
        return LOOK_INTERVAL_MS;
    }
    if (!background_is_stopping(&registration->background)) {
        after_failure(registration, error.message);
    }
    return backoff_next_ms(&registration->backoff);
}

static void leave(struct consul_registration *registration, int64_t until_us)
{
    struct error error;
    const int64_t left_ms = (until_us - clock_monotonic_us()) / 1000;
    if (registration->id[0] == '\0') {
        return;
    }
    const int timeout_ms = left_ms < 1 ? 1 : (int)left_ms; /* 0 would mean for ever */
    if (consul_agent_deregister(registration->last_agent, registration->id, timeout_ms, &error) == 0) {
        set_registered(registration, false);
        log_info("consul", "deregistered", LOG_STR("id", registration->id));
    } else if (registration->was_registered) {
        log_warn("consul", "cannot deregister", LOG_STR("id", registration->id), LOG_STR("error", error.message));
    }
}

static void run(void *ctx)
{
    struct consul_registration *registration = ctx;
    int pause_ms = registration->read_store != NULL ? STORE_PATIENCE_MS : 0;
    while (background_pause(&registration->background, pause_ms)) {
        pause_ms = do_round(registration);
    }
    const int64_t until_us = atomic_load_explicit(&registration->deregister_until_us, memory_order_relaxed);
    if (until_us != 0) {
        leave(registration, until_us);
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static const struct metric_family registered_family = {
    .name = "tally_consul_registered",
    .help = "1 while this instance is registered with the Consul agent, otherwise 0.",
    .type = METRIC_GAUGE,
};

static double read_registered(void *ctx)
{
    return is_registered(ctx) ? 1 : 0;
}

static void release(struct consul_registration *registration)
{
    consul_agent_free(registration->agent);
    consul_agent_free(registration->last_agent);
    free(registration);
}

/* What others call this host; "" if that is to be learnt. */
static const char *known_host(const struct consul_registration_options *options)
{
    if (options->advertise_host[0] != '\0') {
        return options->advertise_host;
    }
    return host_is_wildcard(options->service.host) ? "" : options->service.host;
}

/* Returns 0, or -1 when out of memory. */
static int fill(struct consul_registration *registration, const struct consul_registration_options *options)
{
    registration->agent = consul_agent_create(options->address, options->token);
    registration->last_agent = consul_agent_create(options->address, options->token);
    snprintf(registration->host, sizeof(registration->host), "%s", known_host(options));
    registration->service = options->service;
    registration->service.host = registration->host;
    registration->service.store_id = registration->store_id;
    registration->read_store = options->read_store;
    registration->ctx = options->ctx;
    backoff_init(&registration->backoff, CONSUL_AGENT_RETRY_MIN_MS, CONSUL_AGENT_RETRY_MAX_MS);
    atomic_init(&registration->deregister_until_us, 0);
    atomic_init(&registration->is_registered, false);
    return registration->agent != NULL && registration->last_agent != NULL ? 0 : -1;
}

struct consul_registration *consul_registration_create(const struct consul_registration_options *options,
                                                       struct error *error)
{
    assert(options->service.port > 0);
    assert((options->service.grpc_service == NULL) != (options->service.http_path == NULL));
    struct consul_registration *registration = calloc(1, sizeof(*registration));
    if (registration == NULL || fill(registration, options) != 0) {
        error_set(error, "out of memory");
        goto fail;
    }
    if (background_start(&registration->background, "consul-register", run, registration, error) != 0) {
        goto fail;
    }
    metrics_register_reader(&registered_family, NULL, read_registered, registration);
    return registration;

fail:
    if (registration != NULL) {
        release(registration);
    }
    return NULL;
}

int consul_registration_start(const struct config *config, struct consul_registration_options options,
                              struct consul_registration **ret_registration, struct error *error)
{
    *ret_registration = NULL;
    if (config->consul.address[0] == '\0') {
        return 0;
    }
    options.address = config->consul.address;
    options.token = config->consul.token;
    options.advertise_host = config->consul.advertise_host;
    options.service.interval_ms = config->consul.health_interval_ms;
    *ret_registration = consul_registration_create(&options, error);
    return *ret_registration == NULL ? -1 : 0;
}

void consul_registration_deregister(struct consul_registration *registration)
{
    if (registration == NULL || atomic_load_explicit(&registration->deregister_until_us, memory_order_relaxed) != 0) {
        return;
    }
    atomic_store_explicit(&registration->deregister_until_us, clock_monotonic_us() + REMOVAL_MS * INT64_C(1000),
                          memory_order_relaxed);
    background_ask_to_stop(&registration->background);
    if (!background_wait_end(&registration->background, LAST_REQUEST_MS)) {
        consul_agent_cancel(registration->agent);
        if (!background_wait_end(&registration->background, CONSUL_DEREGISTER_TIMEOUT_MS - LAST_REQUEST_MS)) {
            log_warn("consul", "could not deregister in time", LOG_STR("service", registration->service.name));
        }
    }
}

void consul_registration_free(struct consul_registration *registration)
{
    if (registration != NULL) {
        metrics_unregister_reader(&registered_family, NULL);
        background_ask_to_stop(&registration->background);
        consul_agent_cancel(registration->agent);
        consul_agent_cancel(registration->last_agent);
        background_join(&registration->background);
        release(registration);
    }
}
