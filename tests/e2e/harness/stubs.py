"""The gRPC contract as a foreign client sees it: generated from proto/ when first imported."""

import sys
import tempfile

import grpc
from grpc_tools import protoc

from harness.paths import ROOT

_directory = tempfile.TemporaryDirectory(prefix="tally-stubs-")
_code = protoc.main(
    [
        "protoc",
        f"--proto_path={ROOT / 'proto'}",
        f"--python_out={_directory.name}",
        f"--grpc_python_out={_directory.name}",
        "tally/v1/counter.proto",
        "tally/v1/event.proto",
    ]
)
assert _code == 0, "protoc failed"
sys.path.insert(0, _directory.name)

from tally.v1 import counter_pb2 as pb  # noqa: E402
from tally.v1 import event_pb2  # noqa: E402
from tally.v1.counter_pb2_grpc import CounterServiceStub  # noqa: E402

__all__ = ["pb", "event_pb2", "CounterServiceStub", "connect", "failure", "outcome", "SERVICE", "METHODS"]

SERVICE = "tally.v1.CounterService"
METHODS = [method.name for method in pb.DESCRIPTOR.services_by_name["CounterService"].methods]


def connect(port, *options):
    """A channel with a connection of its own. Usable in a with statement."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0), *options]
    return grpc.insecure_channel(f"127.0.0.1:{port}", options)


def failure(call, *arguments, **keywords):
    """Calls, and returns the error that must come."""
    keywords.setdefault("timeout", 5)
    try:
        reply = call(*arguments, **keywords)
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"no error but {reply}")


def outcome(error):
    """The trailer that says what became of the call; None if it is missing."""
    return dict(error.trailing_metadata() or ()).get("tally-outcome")
