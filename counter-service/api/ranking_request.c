#include "counter-service/api/ranking_request.h"

#include "common/contract/grpc_message.h"
#include "tally/v1/counter.pb-c.h"

static enum status read_top_counters(const ProtobufCMessage *message, const struct config *config,
                                     struct ranking_question *question, struct error *error)
{
    const Tally__V1__TopCountersRequest *request = (const Tally__V1__TopCountersRequest *)message;
    const enum status status =
        ranking_question_begin(question, config, grpc_message_text(request->counter_type),
                               grpc_message_text(request->window), grpc_message_text(request->period), error);
    return status != STATUS_OK ? status : ranking_question_of_best(question, request->limit, request->offset, error);
}

static enum status read_rank_of(const ProtobufCMessage *message, const struct config *config,
                                struct ranking_question *question, struct error *error)
{
    const Tally__V1__RankOfRequest *request = (const Tally__V1__RankOfRequest *)message;
    const enum status status =
        ranking_question_begin(question, config, grpc_message_text(request->counter_type),
                               grpc_message_text(request->window), grpc_message_text(request->period), error);
    return status != STATUS_OK
               ? status
               : ranking_question_of_one(question, grpc_message_text(request->resource_id), request->neighbours, error);
}

static const struct {
    const ProtobufCMessageDescriptor *descriptor;
    enum status (*read)(const ProtobufCMessage *message, const struct config *config, struct ranking_question *question,
                        struct error *error);
} methods[] = {
    [RANKING_TOP_COUNTERS] = {&tally__v1__top_counters_request__descriptor, read_top_counters},
    [RANKING_RANK_OF] = {&tally__v1__rank_of_request__descriptor, read_rank_of},
};
_Static_assert(sizeof(methods) / sizeof(methods[0]) == RANKING_METHODS, "a row for each method");

enum status ranking_request_read(enum ranking_method method, const struct config *config, grpc_byte_buffer *payload,
                                 struct arena *arena, struct ranking_question *question, struct error *error)
{
    if (payload == NULL) {
        error_set(error, "The call has no request message");
        return STATUS_INVALID_ARGUMENT;
    }
    const ProtobufCMessage *message = grpc_message_unpack(methods[method].descriptor, payload, arena);
    if (message == NULL) {
        error_set(error, "The request message cannot be read: it is malformed, or has far too many parts");
        return STATUS_INVALID_ARGUMENT;
    }
    return methods[method].read(message, config, question, error);
}
