#include "gateway/pool/channel.h"

#include <assert.h>
#include <grpc/grpc_security.h>
#include <limits.h>
#include <stdlib.h>

#include "common/contract/limits.h"

enum {
    /* Waits between attempts to connect grow from the first to the last. */
    RECONNECT_FIRST_MS = 100,
    RECONNECT_MAX_MS = 1000,
    /* An attempt to connect gets this long. gRPC calls it the minimum backoff, but a refused one does not wait for it.
     */
    CONNECT_TIMEOUT_MS = 1000,
    /* Without success for this long, the backoffs of connecting and of resolving the name are reset: the latter grows
     * to two minutes, and a name may be there again (or lead elsewhere) when the instance is. */
    FAILING_PATIENCE_US = 1000 * 1000,
};

static grpc_arg string(const char *key, const char *value)
{
    return (grpc_arg){.type = GRPC_ARG_STRING, .key = (char *)(uintptr_t)key, .value.string = (char *)(uintptr_t)value};
}

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static grpc_channel *open_channel(const char *target, int keep_alive_ms)
{
    grpc_arg arguments[] = {
        /* A connection of its own: channels to one target share theirs otherwise. */
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        string(GRPC_ARG_PRIMARY_USER_AGENT_STRING, GATEWAY_USER_AGENT),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, keep_alive_ms),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, GRPC_KEEP_ALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        /* A quiet night must not close the connections. */
        integer(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, INT_MAX),
        integer(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, RECONNECT_FIRST_MS),
        integer(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, RECONNECT_MAX_MS),
        integer(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_TIMEOUT_MS),
        integer(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, GRPC_MESSAGE_BYTES_MAX),
        integer(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, GRPC_COMPRESSION_NONE_ONLY),
        /* Re-sends are the caller's decision, and no DNS record makes rules for them. */
        integer(GRPC_ARG_ENABLE_RETRIES, 0),
        integer(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
    };
    const grpc_channel_args all = {.num_args = sizeof(arguments) / sizeof(arguments[0]), .args = arguments};
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(target, credentials, &all);
    grpc_channel_credentials_release(credentials);
    return channel;
}

struct channel *channel_create(const struct channel_options *options, struct error *error)
{
    struct channel *channel = calloc(1, sizeof(*channel));
    if (channel == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    grpc_channel *opened = open_channel(options->target, options->keep_alive_ms);
    if (!grpc_channel_support_connectivity_watcher(opened)) { /* a channel that fails every call */
        error_set(error, "%s is not an address of the form host:port", options->target);
        grpc_channel_destroy(opened);
        free(channel);
        return NULL;
    }
    channel->connection = opened;
    channel->instance = options->instance;
    channel->instance_number = options->instance_number;
    atomic_init(&channel->state, (int)GRPC_CHANNEL_IDLE);
    atomic_init(&channel->lent_count, 0);
    return channel;
}

void channel_free(struct channel *channel)
{
    assert(!channel_is_lent(channel));
    grpc_channel_destroy(channel->connection);
    free(channel);
}

bool channel_is_connecting(const struct channel *channel)
{
    return grpc_channel_check_connectivity_state(channel->connection, 0) == GRPC_CHANNEL_CONNECTING;
}

bool channel_look(struct channel *channel, int64_t now_us, grpc_connectivity_state *ret_before)
{
    const grpc_connectivity_state before = channel_state(channel);
    const grpc_connectivity_state now =
        grpc_channel_check_connectivity_state(channel->connection, 1); /* 1: if IDLE, connect */
    if (now == before) {
        if (now == GRPC_CHANNEL_TRANSIENT_FAILURE && now_us >= channel->hurry_us) {
            channel->hurry_us = now_us + FAILING_PATIENCE_US;
            channel_hurry(channel);
        }
        return false;
    }
    channel->hurry_us = now_us + FAILING_PATIENCE_US;
    atomic_store_explicit(&channel->state, (int)now, memory_order_relaxed);
    *ret_before = before;
    return true;
}

void channel_hurry(struct channel *channel)
{
    grpc_channel_reset_connect_backoff(channel->connection);
}

/* --- for those whom it is lent to --------------------------------------------------------------------------------- */

grpc_channel *channel_connection(const struct channel *channel)
{
    assert(channel_is_lent(channel));
    return channel->connection;
}

unsigned channel_instance_number(const struct channel *channel)
{
    assert(channel_is_lent(channel));
    return channel->instance_number;
}
