"""Server reflection, v1alpha and v1: clients such as grpcurl need no .proto at hand."""

import threading

import grpc
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from harness.daemons import Service
from harness.stubs import SERVICE, pb

SERVICES = {
    SERVICE,
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
    "grpc.reflection.v1.ServerReflection",
}


def test_a_reflection_client_finds_services_and_methods(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(database.get_services()) == SERVICES
    service = DescriptorPool(database).FindServiceByName(SERVICE)
    assert {method.name for method in service.methods} == {
        "Increment", "BatchIncrement", "Get", "BatchGet", "ListCounters",
        "OpenSession", "KeepSession", "SessionIncrement", "TopCounters", "RankOf", "Describe",
    }  # fmt: skip
    fields = {one.name: one.number for one in service.methods_by_name["Increment"].input_type.fields}
    assert fields == {one.name: one.number for one in pb.IncrementRequest.DESCRIPTOR.fields}


# The messages of the two versions are the same on the wire.
@pytest.fixture(params=["v1alpha", "v1"])
def ask(request, channel):
    """Sends requests on one stream; the replies."""
    stream = channel.stream_stream(
        f"/grpc.reflection.{request.param}.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )

    def call(*requests):
        return list(stream(iter([reflection_pb2.ServerReflectionRequest(**fields) for fields in requests]), timeout=5))

    return call


def files_of(reply):
    names = [
        descriptor_pb2.FileDescriptorProto.FromString(data).name
        for data in reply.file_descriptor_response.file_descriptor_proto
    ]
    assert names, reply
    return names


def test_services_are_listed(ask):
    (reply,) = ask({"list_services": "*"})
    assert {one.name for one in reply.list_services_response.service} == SERVICES


@pytest.mark.parametrize(
    "symbol",
    [SERVICE, f"{SERVICE}.Increment", "tally.v1.IncrementRequest", "tally.v1.IncrementRequest.delta",
     "tally.v1.ErrorReason", "grpc.health.v1.Health", "grpc.health.v1.HealthCheckResponse.ServingStatus"],
)  # fmt: skip
def test_a_symbol_leads_to_its_file(ask, symbol):
    (reply,) = ask({"file_containing_symbol": symbol})
    assert any(name.startswith(symbol.rsplit(".v1", 1)[0].replace(".", "/")) for name in files_of(reply))


def test_a_file_is_found_by_its_name(ask):
    (reply,) = ask({"file_by_filename": "tally/v1/counter.proto"})
    assert files_of(reply) == ["tally/v1/counter.proto"]


@pytest.mark.parametrize(
    "request_fields",
    [{"file_by_filename": "no.proto"}, {"file_containing_symbol": "no.Such"}, {"file_containing_symbol": ""},
     {"file_containing_symbol": "tally.v1.Increment"}],
)  # fmt: skip
def test_what_is_not_there_is_not_found(ask, request_fields):
    (reply,) = ask(request_fields)
    assert reply.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_a_stream_answers_request_by_request_with_the_request_in_it(ask):
    replies = ask({"host": "h", "list_services": ""}, {"file_by_filename": "no.proto"}, {"list_services": ""})
    assert [reply.WhichOneof("message_response") for reply in replies] == [
        "list_services_response", "error_response", "list_services_response",
    ]  # fmt: skip
    assert replies[0].valid_host == "h"
    assert replies[1].original_request.file_by_filename == "no.proto"


def test_an_open_stream_does_not_keep_the_service_from_ending(stack, tmp_path):
    service = Service(tmp_path, stack.redis.address, name="ending")
    service.start()
    never = threading.Event()

    def one_request_and_no_end():
        yield reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
        never.wait(30)

    with service.channel() as channel:
        stream = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        replies = stream(one_request_and_no_end(), timeout=30)
        next(replies)
        service.stop(timeout=15)
        never.set()
    service.close()
