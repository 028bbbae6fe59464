"""Connections on which nothing happens: a client that is gone without a word is noticed, one that is there is left."""

import contextlib
import os
import time

import grpc
import pytest

from harness.calls import set_value
from harness.proxy import REPLIES, REQUESTS, Proxy
from harness.stubs import CounterServiceStub, connect
from harness.wait import wait_until

KEEP_ALIVE = 1
# GRPC_KEEP_ALIVE_TIMEOUT_MS; the library's own is 20.
TIMEOUT = 5


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(service={"GRPC_COUNTER_SERVICE_KEEP_ALIVE": f"{KEEP_ALIVE}s"})


def sockets(daemon):
    """That the process has open."""
    count = 0
    for number in os.listdir(f"/proc/{daemon.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/{daemon.pid}/fd/{number}").startswith("socket:")
    return count


def idle_without_a_call(port):
    channel = connect(port)
    grpc.channel_ready_future(channel).result(10)
    return channel


def idle_after_a_call(port):
    channel = connect(port)
    set_value(CounterServiceStub(channel), f"keep-alive-{time.time_ns()}", 1)
    return channel


@pytest.mark.parametrize("connected", [idle_without_a_call, idle_after_a_call])
def test_a_client_that_is_gone_without_a_word_is_noticed(stack, connected):
    before = sockets(stack.service)
    with contextlib.closing(Proxy(stack.service.port)) as proxy, contextlib.closing(connected(proxy.port)):
        # More pings without a call than a sender may send by the library's usual rule (2).
        time.sleep(6 * KEEP_ALIVE)
        assert sockets(stack.service) == before + 1, "a client that answers pings is left"
        proxy.hold(REQUESTS, REPLIES)
        held = time.monotonic()
        wait_until(lambda: sockets(stack.service) == before, 18, "the service to give up the connection")
        assert time.monotonic() - held > TIMEOUT - KEEP_ALIVE
