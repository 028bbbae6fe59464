"""Connections of a certain age are closed, and nobody's call fails by it."""

import contextlib
import socket
import threading
import time

import pytest

from harness.daemons import PATIENT_ATTEMPTS, Service
from harness.exposition import scrape
from harness.law import check
from harness.load import Load
from harness.ports import free_port
from harness.raw_grpc import RawGrpc
from harness.stubs import SERVICE, CounterServiceStub, connect, pb
from harness.wait import wait_until

AGE = 1
GRACE = 5  # counter_service.max_deadline, and a second
SETTINGS = {"COUNTER_SERVICE_MAX_CONNECTION_AGE": f"{AGE}s"}


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(service=SETTINGS, gateway=PATIENT_ATTEMPTS)


@pytest.fixture(scope="module")
def second(stack, tmp_path_factory):
    """Another service on the same Redis."""
    service = Service(tmp_path_factory.mktemp("second"), stack.redis.address, name="second", **SETTINGS)
    service.start()
    yield service
    service.stop()
    service.close()


class Turns:
    """A balancer of connections: each one goes to the next port."""

    def __init__(self, *ports):
        self.port = free_port()
        self.connections = 0
        self._ports = ports
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._ports[self.connections % len(self._ports)]))
            self.connections += 1
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def _carry(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        self._listener.close()


def increments(daemon):
    return scrape(daemon).sum("tally_rpc_server_requests_total", rpc="Increment", code="OK")


def test_a_caller_behind_a_balancer_of_connections_comes_to_the_other_service(stack, second, resource):
    request = pb.IncrementRequest(resource_id=resource, counter_type="like", delta=1)
    calls = 0
    with contextlib.closing(Turns(stack.service.port, second.port)) as turns, connect(turns.port) as channel:
        stub = CounterServiceStub(channel)
        end = time.monotonic() + 4 * AGE
        while time.monotonic() < end:
            calls += 1
            assert stub.Increment(request, timeout=5).value == calls
        assert turns.connections >= 3
    assert increments(stack.service) > 0 and increments(second) > 0


def test_a_gateway_under_load_does_not_notice(stack):
    gateway = stack.gateway
    states = []
    stopping = threading.Event()

    def look():
        while not stopping.is_set():
            states.append((gateway.get("/health/ready").status, gateway.health()["status"]))
            time.sleep(0.01)

    looking = threading.Thread(target=look)
    looking.start()
    with Load(gateway.port, connections=20, pause=0.003) as load:
        time.sleep(GRACE + 2 * AGE)  # the health Watch has outlived its connection's grace
        ledger = load.stop()
    stopping.set()
    looking.join()
    assert set(ledger.statuses) == {200}, ledger
    check(ledger, stack.values(ledger.counters()))
    assert set(states) == {(200, "ok")}
    assert "not serving" not in gateway.log()
    assert scrape(gateway).sum("tally_breaker_changes_total") == 0


def test_a_call_whose_message_never_comes_ends_with_its_connection(stack):
    started = time.monotonic()
    with RawGrpc(stack.service.port) as connection:
        connection.open(f"/{SERVICE}/Increment")
        wait_until(lambda: connection.read_for(0.1) or connection.is_closed, 15, "the service to close")
        assert connection.is_told_to_go
        assert 0.9 * AGE + GRACE - 0.5 < time.monotonic() - started


def test_a_call_under_way_is_finished(stack, resource):
    request = pb.IncrementRequest(resource_id=resource, counter_type="like", delta=1)
    with stack.service.channel() as channel:
        stub = CounterServiceStub(channel)
        assert stub.Increment(request, timeout=5).value == 1
        stack.redis.pause()
        try:
            call = stub.Increment.future(request, timeout=10)
            time.sleep(1.5 * AGE)
        finally:
            stack.redis.resume()
        assert call.result().value == 2


def test_without_a_limit_a_connection_lasts(stack, tmp_path):
    service = Service(tmp_path, stack.redis.address, name="unlimited", COUNTER_SERVICE_MAX_CONNECTION_AGE="0s")
    service.start()
    try:
        with RawGrpc(service.port) as connection:
            connection.read_for(3 * AGE)
            assert not connection.is_told_to_go and not connection.is_closed
    finally:
        service.stop()
        service.close()
