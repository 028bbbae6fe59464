"""Connections on which nothing happens: a client that is gone without a word is noticed, one that is there is left."""

import contextlib
import pathlib
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
# A state of a connection in /proc/net/tcp (proc(5), include/net/tcp_states.h).
ESTABLISHED = "01"


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(service={"GRPC_COUNTER_SERVICE_KEEP_ALIVE": f"{KEEP_ALIVE}s"})


def has_connection(daemon, peer_port):
    """Whether the daemon's port still has an established connection from this port of this machine. Other sockets of
    the daemon come and go as they like."""
    wanted = f":{daemon.port:04X}", f":{peer_port:04X}", ESTABLISHED
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text(encoding="ascii").splitlines()[1:]:
            local, remote, state = line.split()[1:4]
            if (local[-5:], remote[-5:], state) == wanted:
                return True
    return False


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
    with contextlib.closing(Proxy(stack.service.port)) as proxy, contextlib.closing(connected(proxy.port)):
        [peer_port] = proxy.upstream_ports()
        # More pings without a call than a sender may send by the library's usual rule (2).
        time.sleep(6 * KEEP_ALIVE)
        assert has_connection(stack.service, peer_port), "a client that answers pings is left"
        proxy.hold(REQUESTS, REPLIES)
        held = time.monotonic()
        wait_until(lambda: not has_connection(stack.service, peer_port), 18, "the service to give up the connection")
        assert time.monotonic() - held > TIMEOUT - KEEP_ALIVE
