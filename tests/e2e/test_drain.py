"""SIGTERM: nothing that was accepted is lost, and the end is 0; a second signal ends at once."""

import signal
import socket
import threading
import time

import pytest

from harness.calls import INCREMENT, INCREMENT_BATCH, item
from harness.daemons import Gateway, Service
from harness.exposition import scrape
from harness.http_client import HttpConnection, request_bytes
from harness.law import check
from harness.load import Load
from harness.raw_grpc import RawGrpc, framed
from harness.stubs import SERVICE, CounterServiceStub, pb
from harness.wait import wait_until

DELAY = 15


@pytest.fixture
def new_gateway(stack, tmp_path):
    """Gateways to be drained."""
    made = []

    def make(**settings):
        gateway = Gateway(tmp_path, stack.service.address, name=f"drained-{len(made)}", **settings)
        made.append(gateway)
        gateway.start()
        return gateway

    yield make
    for gateway in made:
        gateway.close()


@pytest.fixture
def new_service(stack, tmp_path):
    """A counter-service to be drained."""
    made = []

    def make(**settings):
        service = Service(tmp_path, stack.redis.address, name=f"drained-service-{len(made)}", **settings)
        made.append(service)
        service.start()
        return service

    yield make
    for service in made:
        service.close()


def test_a_draining_gateway_serves_says_so_and_ends(stack, new_gateway):
    """Clients that follow `Connection: close` and look at readiness see nothing but 200."""
    gateway = new_gateway(DRAIN_DELAY=f"{DELAY}s")
    with Load(gateway.port) as load:
        time.sleep(1)
        gateway.terminate()
        wait_until(lambda: gateway.get("/health/ready").status == 503, DELAY)
        health = gateway.get("/health")
        live = gateway.get("/health/live")
        time.sleep(1)
        with HttpConnection(gateway.port) as connection:
            answer = connection.request("POST", INCREMENT, item("drained"))
            closed = connection.is_closed_by_server()
        ledger = load.stop()
    assert gateway.wait() == 0
    assert (health.status, live.status) == (503, 200)
    assert answer.status == 200 and answer.closes and closed
    assert set(ledger.statuses) == {200}, ledger
    check(ledger, stack.values(ledger.counters()))


def test_requests_in_flight_are_answered_before_the_end(stack, new_gateway):
    gateway = new_gateway(DRAIN_DELAY="0ms")
    count = 50
    connections = [gateway.connection() for _ in range(count)]
    idle = [gateway.connection() for _ in range(20)]
    for connection in idle:
        assert connection.request("GET", "/health/live").status == 200

    def in_flight():
        return scrape(gateway).sum("tally_http_requests_in_flight")

    own = in_flight()  # the scrape's
    stack.redis.pause()
    try:
        for connection in connections:
            connection.send(request_bytes("POST", INCREMENT, item("in-flight")))
        wait_until(lambda: in_flight() >= own + count, what="the requests to be read")
        gateway.terminate()
        gateway.wait_draining()
    finally:
        stack.redis.resume()
    answers = [connection.response() for connection in connections]
    assert {answer.status for answer in answers} == {200}, answers
    assert all(answer.closes for answer in answers)
    assert all(connection.is_closed_by_server() for connection in idle)
    assert gateway.wait() == 0
    for connection in connections + idle:
        connection.close()


def test_a_request_half_sent_is_given_the_time_to_end(new_gateway):
    gateway = new_gateway(DRAIN_DELAY="2s")
    whole = request_bytes("POST", INCREMENT, item("half-sent"))
    with gateway.connection() as connection:
        connection.send(whole[:-10])
        time.sleep(0.1)
        gateway.terminate()
        gateway.wait_draining()
        connection.send(whole[-10:])
        response = connection.response()
    assert response.status == 200 and response.closes
    assert gateway.wait() == 0


def test_a_batch_that_waits_for_room_is_answered_before_the_end(new_gateway, resource):
    """An unfinished body has all the memory that bodies may have, until its time is over."""
    gateway = new_gateway(DRAIN_DELAY="0ms", SERVER_MAX_BODY_MEMORY="1MiB", SERVER_READ_TIMEOUT="4s", SERVER_LOOPS=1,
                          SERVER_REQUEST_TIMEOUT="20s", COUNTER_SERVICE_MAX_DEADLINE="20s")  # fmt: skip
    with HttpConnection(gateway.port) as fills, HttpConnection(gateway.port) as waits:
        head = f"POST {INCREMENT_BATCH} HTTP/1.1\r\nHost: t\r\nContent-Length: {1024 * 1024}\r\n\r\n"
        fills.send(head.encode() + b" " * 100)
        wait_until(lambda: scrape(gateway).sum("tally_http_body_bytes") == 1024 * 1024)
        waits.send(request_bytes("POST", INCREMENT_BATCH, {"increments": [item(resource)] * 500}))
        wait_until(lambda: scrape(gateway).sum("tally_http_requests_in_flight") == 3)
        gateway.terminate()
        response = waits.response("POST")
        assert response.status == 200 and len(response.json()["results"]) == 500 and response.closes
    assert gateway.wait() == 0


def test_a_client_that_never_ends_does_not_keep_the_gateway(new_gateway):
    gateway = new_gateway(DRAIN_DELAY="0ms", DRAIN_TIMEOUT="1s")
    with gateway.connection() as connection:
        connection.send(request_bytes("POST", INCREMENT, item("never"))[:-1])
        time.sleep(0.2)
        gateway.stop(timeout=10)


def test_clients_that_left_amid_a_request_do_not_hold_up_the_end(new_gateway):
    gateway = new_gateway(DRAIN_DELAY="0ms", DRAIN_TIMEOUT="60s")
    part = request_bytes("POST", INCREMENT, item("left"))[:-1]
    for _ in range(20):
        with gateway.connection() as connection:
            connection.socket.send(part, socket.MSG_MORE)  # leaves together with the end of the stream
    gateway.stop(timeout=30)


def test_new_connections_are_refused_after_the_delay(new_gateway):
    gateway = new_gateway(DRAIN_DELAY="0ms")
    gateway.stop()
    with pytest.raises(ConnectionRefusedError):
        gateway.get("/health")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(new_gateway, new_service, number):
    for daemon in (new_gateway(DRAIN_DELAY="50s"), new_service(DRAIN_DELAY="50s")):
        daemon.send_signal(number)
        wait_until(lambda daemon=daemon: daemon.get("/health").status == 503, what="the drain to begin")
        time.sleep(0.3)
        assert daemon.is_running
        daemon.send_signal(number)
        daemon.wait(timeout=20)  # the delay is longer


def test_a_draining_service_answers_what_it_has_and_ends(new_service, resource):
    """A direct client that stops calling when health says so loses nothing."""
    service = new_service(DRAIN_DELAY=f"{DELAY}s")
    request = pb.IncrementRequest(resource_id=resource, counter_type="like", delta=1)
    errors = []
    counted = []
    stopping = threading.Event()

    def run():
        with service.channel() as channel:
            stub = CounterServiceStub(channel)
            while not stopping.is_set():
                try:
                    counted.append(stub.Increment(request, timeout=5).value)
                except Exception as error:
                    errors.append(error)
                    return

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    service.terminate()
    wait_until(lambda: service.get("/health").status == 503, DELAY)
    time.sleep(1)
    stopping.set()
    for thread in threads:
        thread.join()
    assert service.wait() == 0
    assert not errors, errors[0]
    assert sorted(counted) == list(range(1, len(counted) + 1))


def test_calls_in_flight_are_answered_before_the_service_ends(stack, new_service, resource):
    service = new_service(DRAIN_DELAY="0ms")
    request = pb.IncrementRequest(resource_id=resource, counter_type="like", delta=1)
    with service.channel() as channel:
        stub = CounterServiceStub(channel)
        assert stub.Increment(request, timeout=5).value == 1
        stack.redis.pause()
        try:
            calls = [stub.Increment.future(request, timeout=5) for _ in range(20)]
            time.sleep(1)  # nothing says that they have arrived
            service.terminate()
            service.wait_draining()
        finally:
            stack.redis.resume()
        assert sorted(call.result().value for call in calls) == list(range(2, 22))
    assert service.wait() == 0


def open_silent_streams(connection):
    """Calls that send no message, or a part of one, or none of many; and a health Watch."""
    paths = [f"/{SERVICE}/Increment", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"]
    for number in range(48):
        connection.open(paths[number % len(paths)])
    part = connection.open(f"/{SERVICE}/Increment")
    connection.send(part, framed(b"x" * 100)[:50], end=False)
    connection.open("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    watch = connection.open("/grpc.health.v1.Health/Watch")
    connection.send(watch, framed(b""))
    connection.read_for(0.5)
    assert connection.open_streams() == 51


def test_streams_that_never_send_their_message_do_not_hold_up_the_end(new_service):
    service = new_service(DRAIN_DELAY="100ms", DRAIN_TIMEOUT="60s")
    with RawGrpc(service.port) as connection:
        open_silent_streams(connection)
        started = time.monotonic()
        service.stop(timeout=30)
        assert time.monotonic() - started < 5, "measured: 0.8 s"
        connection.read_for(1)
        assert connection.is_told_to_go and connection.is_closed
    assert "drain.timeout passed" not in service.log()


def test_a_call_is_answered_while_silent_streams_wait_beside_it(stack, new_service, resource):
    """Redis stands still for longer than the service waits for a quiet moment and for silent streams."""
    service = new_service(DRAIN_DELAY="0ms", DRAIN_TIMEOUT="60s", REDIS_TIMEOUT="10s", SERVER_REQUEST_TIMEOUT="20s",
                          COUNTER_SERVICE_MAX_DEADLINE="20s")  # fmt: skip
    request = pb.IncrementRequest(resource_id=resource, counter_type="like", delta=1)
    with service.channel() as channel, RawGrpc(service.port) as connection:
        stub = CounterServiceStub(channel)
        assert stub.Increment(request, timeout=5).value == 1
        open_silent_streams(connection)
        stack.redis.pause()
        try:
            call = stub.Increment.future(request, timeout=20)
            time.sleep(0.5)  # nothing says that it has arrived
            service.terminate()
            service.wait_draining()
            time.sleep(4)
        finally:
            stack.redis.resume()
        assert call.result().value == 2
        service.wait_stopped(timeout=10)
    stack.wait_ready()


def test_both_end_with_0_while_redis_is_gone(stack, new_gateway, new_service):
    service = new_service()
    gateway = new_gateway()
    stack.redis.pause()
    try:
        gateway.stop()
        service.stop()
    finally:
        stack.redis.resume()
        stack.wait_ready()
