"""Fixtures for all; the stack of a module; what a failed test shows."""

import contextlib
import functools
import os
import resource as limits
import uuid

import pytest

from harness.cluster import Cluster
from harness.daemons import IMPATIENT_SECONDS
from harness.jaeger import Jaeger
from harness.kafka_broker import KafkaBroker
from harness.otlp_receiver import OtlpReceiver
from harness.process import open_processes
from harness.stack import Stack
from harness.stubs import CounterServiceStub

# The tests of many connections need more descriptors than the usual soft limit; the programs inherit it.
limits.setrlimit(limits.RLIMIT_NOFILE, (limits.getrlimit(limits.RLIMIT_NOFILE)[1],) * 2)

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"


def pytest_collection_modifyitems(items):
    """Files that may take longest first, so that workers end at about the same time: by a test's time-out, then by how
    many there are."""
    weights = {}
    for item in items:
        seconds = item.get_closest_marker("timeout", pytest.mark.timeout(0).mark).args[0]
        longest, count = weights.get(item.path, (0, 0))
        weights[item.path] = max(longest, seconds), count + 1
    items.sort(key=lambda item: weights[item.path], reverse=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.skipped and REQUIRE_ALL:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL=1 allows no skip, but {item.nodeid} was: {reason}"
    if report.failed:
        report.sections += [(f"log of {process.name}", process.log_tail()) for process in open_processes]


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_running():
    yield
    left = [process.name for process in open_processes]
    for process in list(open_processes):
        process.close()
    assert not left, f"left running: {left}"


@pytest.fixture(scope="module")
def start_kind(tmp_path_factory):
    """Starts stacks of a kind with settings of the caller's; they end with the module."""
    with contextlib.ExitStack() as ends:

        def start(kind, **settings):
            stack = kind(tmp_path_factory.mktemp("stack"), **settings)
            ends.callback(stack.close)
            stack.start()
            return stack

        yield start


@pytest.fixture(scope="module")
def start_stack(start_kind):
    return functools.partial(start_kind, Stack)


@pytest.fixture(scope="module")
def start_cluster(start_kind):
    return functools.partial(start_kind, Cluster)


@pytest.fixture(scope="module")
def start_kafka(start_kind):
    """Skips, by name, where there is no Kafka."""
    return functools.partial(start_kind, KafkaBroker)


@pytest.fixture(scope="module")
def kafka(start_kafka):
    """A broker as it is by itself. A module that needs other settings overrides it."""
    return start_kafka()


@pytest.fixture(scope="module")
def jaeger(start_kind):
    """Skips, by name, where there is no Jaeger."""
    return start_kind(Jaeger)


@pytest.fixture
def receiver():
    """A collector of traces of the test's own, which fails the test if it got what it must not."""
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def stack(start_stack):
    """Redis, counter-service and gateway. A module that needs other settings overrides it."""
    return start_stack()


@pytest.fixture(scope="module")
def gateway(stack):
    return stack.gateway


@pytest.fixture(scope="module")
def impatient(stack):
    """A gateway that does not wait long for its clients."""
    seconds = f"{IMPATIENT_SECONDS}s"
    return stack.extra_gateway(SERVER_READ_TIMEOUT=seconds, SERVER_IDLE_TIMEOUT=seconds)


@pytest.fixture(scope="module")
def channel(stack):
    with stack.service.channel() as channel:
        yield channel


@pytest.fixture(scope="module")
def rpc(channel):
    """A stub of counter-service."""
    return CounterServiceStub(channel)


@pytest.fixture
def resource():
    """A resource_id that nobody else uses."""
    return f"r-{uuid.uuid4().hex}"
