"""Messages that are compressed are refused before they are unpacked."""

import functools
import zlib

import grpc
import pytest

from harness.raw_grpc import RawGrpc, framed
from harness.stubs import METHODS, SERVICE, CounterServiceStub, failure, pb

MIB = 1024 * 1024
UNIMPLEMENTED = str(grpc.StatusCode.UNIMPLEMENTED.value[0])


@functools.cache
def bomb(window_bits):
    """400 MiB of zeros in 400 KB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(400)) + packer.flush()


def increment(resource):
    return pb.IncrementRequest(resource_id=resource, counter_type="like", delta=1)


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_compressed_call_is_refused_and_counts_nothing(rpc, resource, algorithm):
    error = failure(rpc.Increment, increment(resource), compression=algorithm)
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED and "ompression" in error.details(), error
    assert rpc.Increment(increment(resource), timeout=5).value == 1


@pytest.mark.parametrize(("encoding", "window_bits"), [("gzip", 31), ("deflate", 15)])
@pytest.mark.parametrize(
    "path",
    [f"/{SERVICE}/{method}" for method in METHODS]
    + [
        f"/{SERVICE}/Nothing",
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_what_grows_when_unpacked_is_not_unpacked(stack, rpc, resource, path, encoding, window_bits):
    packed = framed(bomb(window_bits), compressed=True)
    before = stack.service.peak_mib()
    with RawGrpc(stack.service.port) as connection:
        stream = connection.open(path, grpc_encoding=encoding)
        connection.send(stream, packed)
        ending = connection.ending(stream)
    assert ending["grpc-status"] == UNIMPLEMENTED, ending
    assert f"Compression algorithm '{encoding}' is disabled" in ending["grpc-message"]
    assert stack.service.peak_mib() - before < 16
    assert rpc.Increment(increment(resource), timeout=5).value == 1


@pytest.mark.parametrize("encoding", ["identity", "snappy", "gzip, identity", "stream/gzip"])
def test_a_message_under_a_name_that_unpacks_nothing_is_taken_as_it_is(stack, rpc, resource, encoding):
    before = stack.service.peak_mib()
    with RawGrpc(stack.service.port) as connection:
        stream = connection.open(f"/{SERVICE}/Increment", grpc_encoding=encoding)
        connection.send(stream, framed(bomb(31), compressed=True))
        ending = connection.ending(stream)
    assert ending["grpc-status"] == str(grpc.StatusCode.INVALID_ARGUMENT.value[0]), ending
    assert stack.service.peak_mib() - before < 16
    assert rpc.Increment(increment(resource), timeout=5).value == 1


def test_a_caller_that_offers_to_unpack_gets_plain_answers(stack, resource):
    with stack.service.channel(("grpc.default_compression_algorithm", 0)) as channel:
        stub = CounterServiceStub(channel)
        assert stub.Increment(increment(resource), timeout=5).value == 1
    with RawGrpc(stack.service.port) as connection:
        stream = connection.open(f"/{SERVICE}/Increment", grpc_accept_encoding="gzip, deflate, identity")
        connection.send(stream, framed(increment(resource).SerializeToString()))
        assert connection.ending(stream)["grpc-status"] == "0"
        assert connection.headers(stream).get("grpc-encoding", "identity") == "identity"
