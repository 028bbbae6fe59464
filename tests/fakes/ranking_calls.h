/* TopCounters and RankOf, asked of an rpc_fixture by a real client. */
#ifndef TALLY_TESTS_FAKES_RANKING_CALLS_H
#define TALLY_TESTS_FAKES_RANKING_CALLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <grpc/byte_buffer.h>
#include <cmocka.h>

#include "common/contract/grpc_message.h"
#include "tally/v1/counter.pb-c.h"
#include "tests/fakes/rpc_fixture.h"

#define TOP_COUNTERS "/tally.v1.CounterService/TopCounters"
#define RANK_OF "/tally.v1.CounterService/RankOf"

static inline Tally__V1__TopCountersRequest top_of(const char *type, const char *period)
{
    Tally__V1__TopCountersRequest request = TALLY__V1__TOP_COUNTERS_REQUEST__INIT;
    request.counter_type = grpc_message_bytes(text_of(type));
    request.window = grpc_message_bytes(TEXT("day"));
    request.period = grpc_message_bytes(text_of(period));
    return request;
}

static inline Tally__V1__RankOfRequest rank_of(const char *type, const char *resource_id)
{
    Tally__V1__RankOfRequest request = TALLY__V1__RANK_OF_REQUEST__INIT;
    request.counter_type = grpc_message_bytes(text_of(type));
    request.window = grpc_message_bytes(TEXT("day"));
    request.resource_id = grpc_message_bytes(text_of(resource_id));
    return request;
}

/* The message that a call was answered, which lives in the arena until the next one. */
static inline const void *message_of(struct grpc_client_result result, const ProtobufCMessageDescriptor *descriptor,
                                     struct arena *arena)
{
    assert_int_equal(result.code, GRPC_STATUS_OK);
    assert_non_null(result.message);
    arena_reset(arena);
    const ProtobufCMessage *message = grpc_message_unpack(descriptor, result.message, arena);
    assert_non_null(message);
    grpc_byte_buffer_destroy(result.message);
    return message;
}

static inline const Tally__V1__TopCountersResponse *top_answer(struct grpc_client_result result, struct arena *arena)
{
    return message_of(result, &tally__v1__top_counters_response__descriptor, arena);
}

static inline const Tally__V1__RankOfResponse *rank_answer(struct grpc_client_result result, struct arena *arena)
{
    return message_of(result, &tally__v1__rank_of_response__descriptor, arena);
}

#endif
