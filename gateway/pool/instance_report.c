#include "gateway/pool/instance_report.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/contract/grpc_message.h"
#include "tally/v1/counter.pb-c.h"

static void take_text(struct instance_report *report, struct text text, int64_t now_us)
{
    pthread_mutex_lock(report->lock);
    buffer_clear(&report->text, REPORT_LEN_MAX);
    if (text.len <= REPORT_LEN_MAX) {
        buffer_append_text(&report->text, text);
    }
    report->told_us = now_us;
    pthread_mutex_unlock(report->lock);
}

static void read_reply(struct instance_report *report, int64_t now_us)
{
    struct arena arena;
    arena_init(&arena);
    const Tally__V1__DescribeResponse *response = (const Tally__V1__DescribeResponse *)grpc_message_unpack(
        &tally__v1__describe_response__descriptor, report->reply, &arena);
    if (response != NULL) {
        take_text(report, grpc_message_text(response->health), now_us);
    }
    arena_done(&arena);
}

static void on_end(void *owner, bool ok, int64_t now_us)
{
    struct instance_report *report = owner;
    (void)ok; /* receiving the status always succeeds */
    assert(report->call != NULL);
    if (report->code == GRPC_STATUS_OK && report->reply != NULL) {
        read_reply(report, now_us);
    } else if (report->code == GRPC_STATUS_UNIMPLEMENTED) {
        take_text(report, TEXT(""), now_us);
    }
    grpc_byte_buffer_destroy(report->reply);
    report->reply = NULL;
    grpc_slice_unref(report->code_message);
    grpc_metadata_array_destroy(&report->initial_metadata);
    grpc_metadata_array_destroy(&report->trailing_metadata);
    grpc_call_unref(report->call);
    report->call = NULL;
    channel_give_back(report->channel);
    report->channel = NULL;
}

void instance_report_init(struct instance_report *report, grpc_completion_queue *queue, pthread_mutex_t *lock)
{
    *report = (struct instance_report){.queue = queue, .lock = lock, .event = {report, on_end}};
    buffer_init(&report->text);
}

void instance_report_done(struct instance_report *report)
{
    assert(report->call == NULL);
    buffer_done(&report->text);
}

bool instance_report_is_due(const struct instance_report *report, int64_t now_us)
{
    return report->call == NULL && now_us >= report->next_us;
}

static void start(struct instance_report *report, grpc_byte_buffer *request)
{
    const grpc_op operations[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &report->initial_metadata},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &report->reply},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &report->trailing_metadata,
                                        .status = &report->code,
                                        .status_details = &report->code_message}},
    };
    const grpc_call_error error = grpc_call_start_batch(
        report->call, operations, sizeof(operations) / sizeof(operations[0]), &report->event, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

void instance_report_ask(struct instance_report *report, struct channel *channel, int64_t now_us)
{
    assert(report->call == NULL && report->channel == NULL);
    const Tally__V1__DescribeRequest message = TALLY__V1__DESCRIBE_REQUEST__INIT;
    report->next_us = now_us + REPORT_INTERVAL_US;
    grpc_byte_buffer *request = grpc_message_pack(&message.base);
    if (request == NULL) {
        return; /* out of memory: next time */
    }
    channel_lend(channel);
    report->channel = channel;
    report->code_message = grpc_empty_slice();
    grpc_metadata_array_init(&report->initial_metadata);
    grpc_metadata_array_init(&report->trailing_metadata);
    report->call =
        grpc_channel_create_call(channel_connection(channel), NULL, GRPC_PROPAGATE_DEFAULTS, report->queue,
                                 grpc_slice_from_static_string("/tally.v1.CounterService/Describe"), NULL,
                                 gpr_time_from_micros(now_us + REPORT_TIMEOUT_US, GPR_CLOCK_MONOTONIC), NULL);
    start(report, request);
    grpc_byte_buffer_destroy(request);
}

void instance_report_close(struct instance_report *report)
{
    report->next_us = INT64_MAX;
    if (report->call != NULL) {
        grpc_call_cancel(report->call, NULL);
    }
}

bool instance_report_is_closed(const struct instance_report *report)
{
    return report->call == NULL;
}

int64_t instance_report_read(const struct instance_report *report, int64_t now_us, struct buffer *out)
{
    if (report->text.failed || report->text.len == 0) {
        return -1;
    }
    buffer_append(out, report->text.data, report->text.len);
    return now_us - report->told_us;
}
