#include "common/discovery/name_watch.h"

#include <stdlib.h>

#include "common/discovery/name_lookup.h"
#include "common/thread/background.h"

enum {
    /* How often the thread looks whether it is to stop, and whether an instance serves. */
    LOOK_MS = 100,
    /* Between two look-ups while no instance serves. */
    SOONER_MS = 1000,
};

struct name_watch {
    /* immutable after create */
    struct name_watch_options options;
    struct background background;
    /* owned by the thread */
    struct target_set set;
    /* any thread: see discovery_state.h */
    struct discovery_state state;
};

/* Into watch->set. Returns 0, or -1 with error filled. */
static int look_up(struct name_watch *watch, struct error *error)
{
    struct name_lookup *lookup = name_lookup_start(&watch->options.name, error);
    if (lookup == NULL) {
        return -1;
    }
    while (!name_lookup_wait(lookup, LOOK_MS) && !background_is_stopping(&watch->background)) {
        /* as long as the resolver takes, or until the watch is to stop */
    }
    return name_lookup_end(lookup, &watch->set, error);
}

/* Returns false when the thread is to stop. */
static bool wait_until_due(struct name_watch *watch)
{
    const struct name_watch_options *options = &watch->options;
    for (int waited_ms = 0; waited_ms < options->interval_ms; waited_ms += LOOK_MS) {
        if (waited_ms >= SOONER_MS && !options->is_served(options->ctx)) {
            break;
        }
        if (!background_pause(&watch->background, LOOK_MS)) {
            return false;
        }
    }
    return true;
}

static void run(void *ctx)
{
    struct name_watch *watch = ctx;
    do {
        struct error error;
        if (look_up(watch, &error) == 0) {
            discovery_state_succeeded(&watch->state);
            watch->options.on_addresses(watch->options.ctx, &watch->set);
        } else if (!background_is_stopping(&watch->background)) {
            discovery_state_failed(&watch->state, error.message);
        }
    } while (wait_until_due(watch));
}

struct name_watch *name_watch_create(const struct name_watch_options *options, struct error *error)
{
    struct name_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    watch->options = *options;
    discovery_state_init(&watch->state, "name", watch->options.name.host);
    if (background_start(&watch->background, "name-watch", run, watch, error) != 0) {
        discovery_state_done(&watch->state);
        free(watch);
        return NULL;
    }
    return watch;
}

void name_watch_stop(struct name_watch *watch)
{
    if (watch != NULL) {
        background_join(&watch->background);
    }
}

void name_watch_free(struct name_watch *watch)
{
    if (watch != NULL) {
        name_watch_stop(watch);
        discovery_state_done(&watch->state);
        free(watch);
    }
}

void name_watch_describe(struct name_watch *watch, struct discovery_description *ret_description)
{
    discovery_state_describe(&watch->state, ret_description);
}
