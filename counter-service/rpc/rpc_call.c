#include "counter-service/rpc/rpc_call.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/compiler.h"
#include "counter-service/rpc/rpc_access.h"
#include "counter-service/rpc/rpc_server_metrics.h"
#include "counter-service/rpc/rpc_trace.h"

static void on_requested(struct rpc_event *event, bool ok);
static void on_answered(struct rpc_event *event, bool ok);

struct rpc_call *rpc_call_create(struct rpc_call_home *home)
{
    struct rpc_call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->home = home;
    call->requested.on_event = on_requested;
    call->answered.on_event = on_answered;
    grpc_metadata_array_init(&call->metadata);
    arena_init(&call->arena);
    return call;
}

void rpc_call_free(struct rpc_call *call)
{
    grpc_metadata_array_destroy(&call->metadata);
    arena_done(&call->arena);
    free(call);
}

void rpc_call_arm(struct rpc_call *call, const struct rpc_served_method *served)
{
    call->served = served;
    const struct rpc_call_home *home = call->home;
    assert(call->native == NULL && call->payload == NULL && call->reply == NULL);
    rpc_event_give(&call->requested);
    grpc_call_error failure;
    if (served->registered == NULL) {
        grpc_call_details_init(&call->details);
        failure = grpc_server_request_call(home->server, &call->native, &call->details, &call->metadata,
                                           home->completions, home->completions, &call->requested);
    } else {
        failure =
            grpc_server_request_registered_call(home->server, served->registered, &call->native, &call->deadline,
                                                &call->metadata, served->method->client_streams ? NULL : &call->payload,
                                                home->completions, home->completions, &call->requested);
    }
    /* It fails only for queues and methods that were not registered as they are used here. */
    assert(failure == GRPC_CALL_OK);
    (void)failure;
}

static void drop(struct rpc_call *call)
{
    if (call->served->registered == NULL) {
        grpc_call_details_destroy(&call->details);
    }
    if (call->native != NULL) {
        grpc_call_unref(call->native);
    }
    grpc_byte_buffer_destroy(call->payload);
    grpc_byte_buffer_destroy(call->reply);
    grpc_slice_unref(call->code_message);
    call->native = NULL;
    call->payload = NULL;
    call->reply = NULL;
    call->code_message = grpc_empty_slice();
    call->metadata.count = 0;
    call->item_count = 0;
    arena_reset(&call->arena);
}

void rpc_call_release(struct rpc_call *call)
{
    const bool had_arrived = call->native != NULL;
    drop(call);
    call->home->on_over(call->home, call, had_arrived);
}

static void on_requested(struct rpc_event *event, bool ok)
{
    struct rpc_call *call = CONTAINER_OF(event, struct rpc_call, requested);
    if (!ok) { /* the server is shut down */
        rpc_call_release(call);
        return;
    }
    assert(call->native != NULL);
    call->arrived_us = clock_monotonic_us();
    rpc_trace_begin(call);
    call->home->on_arrived(call->home, call);
}

static void on_answered(struct rpc_event *event, bool ok)
{
    (void)ok; /* false if the client is gone: nobody is left to tell */
    rpc_call_release(CONTAINER_OF(event, struct rpc_call, answered));
}

int64_t rpc_call_deadline_us(const struct rpc_call *call)
{
    const gpr_timespec deadline = gpr_convert_clock_type(call->deadline, GPR_CLOCK_MONOTONIC);
    if (deadline.tv_sec >= INT64_MAX / 1000000) {
        return INT64_MAX;
    }
    if (deadline.tv_sec < 0) {
        return 0;
    }
    return deadline.tv_sec * 1000000 + deadline.tv_nsec / 1000;
}

/* Starts the one batch that ends the call: metadata, message if there is one, status. */
static void start_answer(struct rpc_call *call, grpc_status_code code)
{
    struct rpc_method_metrics *metrics = call->served->metrics;
    const int64_t now_us = clock_monotonic_us();
    rpc_method_metrics_ended(metrics, (int)code);
    rpc_method_metrics_took(metrics, now_us - call->arrived_us, &call->trace.step.context);
    rpc_trace_end(call, code, now_us);
    rpc_access_log(call, (int)code);

    grpc_op operations[4];
    memset(operations, 0, sizeof(operations));
    size_t count = 0;
    operations[count++].op = GRPC_OP_SEND_INITIAL_METADATA;
    if (call->reply != NULL) {
        operations[count].op = GRPC_OP_SEND_MESSAGE;
        operations[count++].data.send_message.send_message = call->reply;
    }
    operations[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    operations[count].data.send_status_from_server.status = code;
    operations[count].data.send_status_from_server.status_details =
        call->trailer_count > 0 ? &call->code_message : NULL;
    operations[count].data.send_status_from_server.trailing_metadata = call->trailers;
    operations[count++].data.send_status_from_server.trailing_metadata_count = call->trailer_count;
    operations[count].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    operations[count++].data.recv_close_on_server.cancelled = &call->cancelled;
    grpc_call *native = call->native;
    rpc_event_give(&call->answered);
    const grpc_call_error failure = grpc_call_start_batch(native, operations, count, &call->answered, NULL);
    /* grpc_call_start_batch fails only for a malformed batch. */
    assert(failure == GRPC_CALL_OK);
    (void)failure;
}

void rpc_call_answer(struct rpc_call *call, grpc_byte_buffer *reply)
{
    if (reply == NULL) {
        rpc_call_fail(call, STATUS_REPLY_LOST, "The answer could not be made: out of memory");
        return;
    }
    call->reply = reply;
    call->trailer_count = 0;
    start_answer(call, GRPC_STATUS_OK);
}

static void add_trailer(struct rpc_call *call, const char *name, const char *value)
{
    assert(call->trailer_count < sizeof(call->trailers) / sizeof(call->trailers[0]));
    call->trailers[call->trailer_count++] = (grpc_metadata){
        .key = grpc_slice_from_static_string(name),
        .value = grpc_slice_from_static_string(value),
    };
}

/* detail: becomes the call's. */
static void fail(struct rpc_call *call, grpc_status_code code, enum status status, grpc_slice detail)
{
    call->trailer_count = 0;
    add_trailer(call, "tally-outcome", outcome_name(status_outcome(status)));
    if (status == STATUS_WRITES_REFUSED) {
        add_trailer(call, "grpc-retry-pushback-ms", "-1");
    }
    if (status == STATUS_NOT_REPLICATED) {
        add_trailer(call, "tally-reason", status_slug(status));
    }
    call->code_message = detail;
    start_answer(call, code);
}

void rpc_call_fail(struct rpc_call *call, enum status status, const char *detail)
{
    fail(call, (grpc_status_code)status_grpc_code(status), status,
         grpc_slice_from_static_string(detail != NULL ? detail : status_title(status)));
}

void rpc_call_fail_with(struct rpc_call *call, enum status status, struct text detail)
{
    fail(call, (grpc_status_code)status_grpc_code(status), status,
         grpc_slice_from_copied_buffer(detail.data, detail.len));
}

void rpc_call_fail_code(struct rpc_call *call, grpc_status_code code, const char *detail)
{
    fail(call, code, STATUS_UNIMPLEMENTED,
         grpc_slice_from_static_string(detail)); /* any status whose outcome is not applied */
}
