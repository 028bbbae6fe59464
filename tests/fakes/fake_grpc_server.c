#include "tests/fakes/fake_grpc_server.h"

#include <assert.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/contract/grpc_message.h"
#include "common/contract/store_id.h"
#include "grpc/health/v1/health.pb-c.h"

enum { TICK_MS = 10 };

/* What a tag points to. */
struct event {
    void (*on_event)(struct fake_grpc_server *server, void *owner, bool ok);
    void *owner;
};

struct fake_call {
    struct fake_call *next;
    struct fake_call *previous;
    grpc_call *handle;
    char *method;
    gpr_timespec deadline;
    grpc_byte_buffer *request;
    struct event read_event;
    struct event sent_event;
    struct event closed_event;
    unsigned batches_out;
    int cancelled;
    bool answered;
    bool sending;
    bool watching;
    /* of a watch */
    int told; /* enum fake_health */
    const char *told_store;
};

struct fake_grpc_server {
    grpc_server *server;
    grpc_completion_queue *queue;
    pthread_t thread;
    int port;
    char target[32];
    fake_rpc_handler handler;
    void *ctx;
    /* owned by the server's thread */
    struct fake_call *calls;
    unsigned handled;
    bool shut_down;
    struct event new_call_event;
    struct event shutdown_event;
    grpc_call *new_call;
    grpc_call_details new_details;
    grpc_metadata_array new_metadata;
    /* any thread */
    atomic_int health;
    _Atomic(const char *) store_id;
    atomic_bool end_watches;
    atomic_bool stopping;
    atomic_uint watches;
    atomic_uint cancelled;
};

/* --- calls -------------------------------------------------------------------------------------------------------- */

static void start_batch(struct fake_call *call, const grpc_op *operations, size_t count, struct event *event)
{
    const grpc_call_error failure = grpc_call_start_batch(call->handle, operations, count, event, NULL);
    assert(failure == GRPC_CALL_OK);
    call->batches_out++;
}

static void batch_returned(struct fake_grpc_server *server, struct fake_call *call)
{
    if (--call->batches_out > 0) {
        return;
    }
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        server->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    grpc_byte_buffer_destroy(call->request);
    grpc_call_unref(call->handle);
    gpr_free(call->method);
    free(call);
}

static void on_closed(struct fake_grpc_server *server, void *owner, bool ok)
{
    (void)ok;
    struct fake_call *call = owner;
    call->watching = false;
    if (!call->answered) {
        atomic_fetch_add(&server->cancelled, 1);
    }
    batch_returned(server, call);
}

static void on_sent(struct fake_grpc_server *server, void *owner, bool ok)
{
    (void)ok;
    struct fake_call *call = owner;
    call->sending = false;
    batch_returned(server, call);
}

/* Ends the call, with a message before if there is one. first: nothing was sent yet. */
static void answer(struct fake_call *call, bool first, grpc_byte_buffer *message, grpc_status_code code,
                   const char *outcome, const char *reason)
{
    grpc_metadata trailers[2];
    size_t trailer_count = 0;
    grpc_slice details = grpc_slice_from_static_string("made by the test");
    grpc_op operations[3] = {{.op = GRPC_OP_SEND_STATUS_FROM_SERVER}};
    operations[0].data.send_status_from_server.status = code;
    operations[0].data.send_status_from_server.status_details = &details;
    if (outcome != NULL) {
        trailers[trailer_count++] = (grpc_metadata){.key = grpc_slice_from_static_string("tally-outcome"),
                                                    .value = grpc_slice_from_copied_string(outcome)};
    }
    if (reason != NULL) {
        trailers[trailer_count++] = (grpc_metadata){.key = grpc_slice_from_static_string("tally-reason"),
                                                    .value = grpc_slice_from_copied_string(reason)};
    }
    operations[0].data.send_status_from_server.trailing_metadata_count = trailer_count;
    operations[0].data.send_status_from_server.trailing_metadata = trailers;
    size_t count = 1;
    if (first) {
        operations[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    }
    if (message != NULL) {
        operations[count].op = GRPC_OP_SEND_MESSAGE;
        operations[count++].data.send_message.send_message = message;
    }
    call->answered = true;
    call->sending = true;
    start_batch(call, operations, count, &call->sent_event);
    grpc_byte_buffer_destroy(message);
    while (trailer_count > 0) {
        grpc_slice_unref(trailers[--trailer_count].value);
    }
}

/* --- health ------------------------------------------------------------------------------------------------------- */

static void tell_health(struct fake_call *call, bool first, int health, const char *store_id)
{
    grpc_metadata store = {
        .key = grpc_slice_from_static_string(STORE_ID_METADATA),
        .value = grpc_slice_from_static_string(store_id),
    };
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)health;
    grpc_byte_buffer *message = grpc_message_pack(&response.base);
    grpc_op operations[2] = {{.op = GRPC_OP_SEND_MESSAGE}, {.op = GRPC_OP_SEND_INITIAL_METADATA}};
    operations[0].data.send_message.send_message = message;
    operations[1].data.send_initial_metadata.metadata = &store;
    operations[1].data.send_initial_metadata.count = store_id[0] != '\0' ? 1 : 0;
    call->told = health;
    call->told_store = store_id;
    call->sending = true;
    start_batch(call, operations, first ? 2 : 1, &call->sent_event);
    grpc_byte_buffer_destroy(message);
}

static bool asks_for_the_counter_service(struct fake_call *call)
{
    struct arena arena;
    arena_init(&arena);
    const Grpc__Health__V1__HealthCheckRequest *request =
        (const Grpc__Health__V1__HealthCheckRequest *)grpc_message_unpack(
            &grpc__health__v1__health_check_request__descriptor, call->request, &arena);
    const bool asks = request != NULL && strcmp(request->service, "tally.v1.CounterService") == 0;
    arena_done(&arena);
    return asks;
}

static void begin_watch(struct fake_grpc_server *server, struct fake_call *call)
{
    const int health = atomic_load(&server->health);
    atomic_fetch_add(&server->watches, 1);
    if (health == FAKE_HEALTH_UNIMPLEMENTED) {
        answer(call, true, NULL, GRPC_STATUS_UNIMPLEMENTED, NULL, NULL);
    } else if (health == FAKE_HEALTH_UNAVAILABLE) {
        answer(call, true, NULL, GRPC_STATUS_UNAVAILABLE, NULL, NULL);
    } else {
        call->watching = true;
        tell_health(call, true, asks_for_the_counter_service(call) ? health : FAKE_HEALTH_SERVICE_UNKNOWN,
                    atomic_load(&server->store_id));
    }
}

static void update_watches(struct fake_grpc_server *server)
{
    const int health = atomic_load(&server->health);
    const bool end = atomic_exchange(&server->end_watches, false);
    const char *store_id = atomic_load(&server->store_id);
    for (struct fake_call *call = server->calls; call != NULL; call = call->next) {
        if (!call->watching || call->sending || call->answered) {
            continue;
        }
        if (end) {
            answer(call, false, NULL, GRPC_STATUS_OK, NULL, NULL);
        } else if (call->told_store != store_id) {
            answer(call, false, NULL, GRPC_STATUS_UNAVAILABLE, NULL, NULL);
        } else if (health != call->told && health < FAKE_HEALTH_UNIMPLEMENTED) {
            tell_health(call, false, health, store_id);
        }
    }
}

/* --- calls that come ---------------------------------------------------------------------------------------------- */

static void ask_handler(struct fake_grpc_server *server, struct fake_call *call)
{
    if (server->handler == NULL) {
        answer(call, true, NULL, GRPC_STATUS_UNIMPLEMENTED, NULL, NULL);
        return;
    }
    struct fake_rpc rpc = {
        .method = call->method,
        .request = call->request,
        .number = ++server->handled,
        .deadline = call->deadline,
    };
    server->handler(server->ctx, &rpc);
    if (!rpc.silent) {
        answer(call, true, rpc.reply, rpc.code, rpc.outcome, rpc.reason);
    }
}

static void on_read(struct fake_grpc_server *server, void *owner, bool ok)
{
    struct fake_call *call = owner;
    if (ok && call->request != NULL && !server->shut_down) {
        if (strcmp(call->method, "/grpc.health.v1.Health/Watch") == 0) {
            begin_watch(server, call);
        } else {
            ask_handler(server, call);
        }
    }
    batch_returned(server, call);
}

static void request_call(struct fake_grpc_server *server)
{
    grpc_call_details_init(&server->new_details);
    grpc_metadata_array_init(&server->new_metadata);
    const grpc_call_error failure =
        grpc_server_request_call(server->server, &server->new_call, &server->new_details, &server->new_metadata,
                                 server->queue, server->queue, &server->new_call_event);
    assert(failure == GRPC_CALL_OK);
}

static void accept_call(struct fake_grpc_server *server)
{
    struct fake_call *call = calloc(1, sizeof(*call));
    assert(call != NULL);
    call->handle = server->new_call;
    call->method = grpc_slice_to_c_string(server->new_details.method);
    call->deadline = server->new_details.deadline;
    call->read_event = (struct event){on_read, call};
    call->sent_event = (struct event){on_sent, call};
    call->closed_event = (struct event){on_closed, call};
    call->next = server->calls;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    server->calls = call;
    const grpc_op read = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->request};
    const grpc_op closed = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER,
                            .data.recv_close_on_server.cancelled = &call->cancelled};
    start_batch(call, &read, 1, &call->read_event);
    start_batch(call, &closed, 1, &call->closed_event);
}

static void on_new_call(struct fake_grpc_server *server, void *owner, bool ok)
{
    (void)owner;
    if (ok) {
        accept_call(server);
    }
    grpc_call_details_destroy(&server->new_details);
    grpc_metadata_array_destroy(&server->new_metadata);
    if (ok && !server->shut_down) {
        request_call(server);
    }
}

static void on_shutdown(struct fake_grpc_server *server, void *owner, bool ok)
{
    (void)owner;
    (void)ok;
    grpc_completion_queue_shutdown(server->queue);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void begin_shutdown(struct fake_grpc_server *server)
{
    server->shut_down = true;
    grpc_server_shutdown_and_notify(server->server, server->queue, &server->shutdown_event);
    grpc_server_cancel_all_calls(server->server);
}

static void *thread_main(void *cls)
{
    struct fake_grpc_server *server = cls;
    request_call(server);
    for (;;) {
        const gpr_timespec tick =
            gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(TICK_MS, GPR_TIMESPAN));
        const grpc_event next = grpc_completion_queue_next(server->queue, tick, NULL);
        if (next.type == GRPC_QUEUE_SHUTDOWN) {
            return NULL;
        }
        if (next.type == GRPC_OP_COMPLETE) {
            const struct event *event = next.tag;
            event->on_event(server, event->owner, next.success != 0);
        }
        if (server->shut_down) {
            continue;
        }
        if (atomic_load(&server->stopping)) {
            begin_shutdown(server);
        } else {
            update_watches(server);
        }
    }
}

struct fake_grpc_server *fake_grpc_server_start(int port, enum fake_health health, fake_rpc_handler handler, void *ctx)
{
    grpc_init();
    struct fake_grpc_server *server = calloc(1, sizeof(*server));
    assert_non_null(server);
    server->handler = handler;
    server->ctx = ctx;
    server->new_call_event = (struct event){on_new_call, NULL};
    server->shutdown_event = (struct event){on_shutdown, NULL};
    atomic_init(&server->health, (int)health);
    atomic_init(&server->store_id, FAKE_STORE);
    char key[] = GRPC_ARG_ALLOW_REUSEPORT;
    grpc_arg own_port = {.type = GRPC_ARG_INTEGER, .key = key, .value.integer = 0};
    const grpc_channel_args arguments = {.num_args = 1, .args = &own_port};
    server->server = grpc_server_create(&arguments, NULL);
    server->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(server->server, server->queue, NULL);
    snprintf(server->target, sizeof(server->target), "127.0.0.1:%d", port);
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    server->port = grpc_server_add_http2_port(server->server, server->target, credentials);
    grpc_server_credentials_release(credentials);
    assert_int_not_equal(server->port, 0);
    snprintf(server->target, sizeof(server->target), "127.0.0.1:%d", server->port);
    grpc_server_start(server->server);
    assert_int_equal(pthread_create(&server->thread, NULL, thread_main, server), 0);
    return server;
}

void fake_grpc_server_stop(struct fake_grpc_server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->stopping, true);
    pthread_join(server->thread, NULL);
    grpc_server_destroy(server->server);
    grpc_completion_queue_destroy(server->queue);
    free(server);
    grpc_shutdown();
}

int fake_grpc_server_port(const struct fake_grpc_server *server)
{
    return server->port;
}

const char *fake_grpc_server_target(const struct fake_grpc_server *server)
{
    return server->target;
}

void fake_grpc_server_set_health(struct fake_grpc_server *server, enum fake_health health)
{
    atomic_store(&server->health, (int)health);
}

void fake_grpc_server_set_store(struct fake_grpc_server *server, const char *store_id)
{
    atomic_store(&server->store_id, store_id);
}

void fake_grpc_server_end_watches(struct fake_grpc_server *server)
{
    atomic_store(&server->end_watches, true);
}

unsigned fake_grpc_server_watches(struct fake_grpc_server *server)
{
    return atomic_load(&server->watches);
}

unsigned fake_grpc_server_cancelled(struct fake_grpc_server *server)
{
    return atomic_load(&server->cancelled);
}

/* A line of /proc/net/tcp: "sl: local_address:port remote_address:port state ...", all in hex but sl. State 1 is
 * ESTABLISHED. */
static bool is_connection_to(char *line, int port)
{
    enum { LOCAL_PORT = 2, STATE = 5, FIELDS = 6 };
    unsigned long fields[FIELDS] = {0};
    char *rest = line;
    for (size_t i = 0; i < FIELDS; i++) {
        const char *field = strtok_r(i == 0 ? line : NULL, " :", &rest);
        fields[i] = field != NULL ? strtoul(field, NULL, 16) : 0;
    }
    return fields[LOCAL_PORT] == (unsigned long)port && fields[STATE] == 1;
}

unsigned fake_grpc_server_connections(const struct fake_grpc_server *server)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    unsigned count = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        FILE *table = fopen(tables[i], "r");
        char line[512];
        while (table != NULL && fgets(line, sizeof(line), table) != NULL) {
            count += is_connection_to(line, server->port);
        }
        if (table != NULL) {
            fclose(table);
        }
    }
    return count;
}
