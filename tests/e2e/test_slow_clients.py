"""Clients that are slow, silent or many: bounds hold, and the others do not notice."""

import threading
import time

import pytest

from harness.calls import INCREMENT, increment, item, read
from harness.daemons import IMPATIENT_SECONDS
from harness.exposition import kept
from harness.http_client import HttpConnection, request_bytes
from harness.law import ACKNOWLEDGED, check
from harness.load import Load
from harness.problems import check_problem
from harness.wait import wait_until


def seconds_until_closed(connection, drip, limit=20):
    """Sends a byte of drip every 0.2 s until the server closes."""
    started = time.monotonic()
    connection.socket.settimeout(0.2)
    for number in range(int(limit / 0.2)):
        try:
            if number < len(drip):
                connection.send(drip[number : number + 1])
            if connection.socket.recv(4096) == b"":
                return time.monotonic() - started
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - started
    raise AssertionError(f"still open after {limit} s")


def test_slow_and_idle_clients_are_closed_while_others_are_served(impatient):
    """All kinds at once, to wait only once."""
    slow = request_bytes("POST", INCREMENT, item("slow", user_id="x" * 100))
    body_start = slow.index(b"\r\n\r\n") + 4
    kinds = {
        "header byte by byte": (b"", slow[:body_start]),
        "body byte by byte": (slow[:body_start], slow[body_start:]),
        "chunk byte by byte": (
            f"POST {INCREMENT} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n".encode(),
            b"ff\r\n" + slow[body_start:],
        ),
        "silent in the header": (slow[:30], b""),
        "silent in the body": (slow[:-5], b""),
        "never a byte": (b"", b""),
        "silent after an answer": (request_bytes("GET", "/health/live"), b""),
    }  # fmt: skip
    half_closed = ["silent in the header", "silent in the body", "never a byte", "silent after an answer"]
    runs = [(kind, False) for kind in kinds] + [(kind, True) for kind in half_closed]
    waited = {}

    def run(kind, ends_sending):
        start, drip = kinds[kind]
        with HttpConnection(impatient.port) as connection:
            connection.send(start)
            if ends_sending:
                connection.end_sending()
            waited[kind, ends_sending] = seconds_until_closed(connection, drip)

    threads = [threading.Thread(target=run, args=one) for one in runs]
    with Load(impatient.port, connections=10) as load:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ledger = load.stop()
    assert set(waited) == set(runs), f"not closed: {set(runs) - set(waited)}"
    assert min(waited[kind, False] for kind in kinds) > 0.5, waited
    assert set(ledger.statuses) == {200} and ledger.slowest < 5, ledger
    assert read(impatient, "slow") == 0


def test_an_idle_connection_is_closed_after_its_last_answer(impatient):
    with impatient.connection() as connection:
        for _ in range(3):
            time.sleep(IMPATIENT_SECONDS / 4)
            assert connection.request("GET", "/health/live").status == 200
        assert connection.is_closed_by_server(timeout=IMPATIENT_SECONDS + 8)


def test_a_request_that_waits_longer_than_idle_timeout_is_answered(stack, resource):
    gateway = stack.extra_gateway(SERVER_IDLE_TIMEOUT="1s", SERVER_REQUEST_TIMEOUT="3s")
    gateway.wait_ready()
    assert increment(gateway, resource).status == 200  # its session is open: the next one leaves
    stack.service.pause()
    try:
        check_problem(increment(gateway, resource), 504, "unknown")
    finally:
        stack.service.resume()
    stack.wait_ready()


def test_nothing_is_kept_of_clients_that_left(impatient, resource):
    before = kept(impatient)
    whole = request_bytes("POST", INCREMENT, item(resource))
    for split in range(0, len(whole) + 1, 4):
        with impatient.connection() as connection:
            connection.send(whole[:split])
        with impatient.connection() as connection:
            connection.send(whole[:split])
            connection.end_sending()
    wait_until(
        lambda: all(now <= then for now, then in zip(kept(impatient), before, strict=True)),
        IMPATIENT_SECONDS + 10,
        f"connections and descriptors to be {before} again",
    )


def open_for_long(gateway, count):
    held = [gateway.connection() for _ in range(count)]
    for connection in held:
        assert connection.request("GET", "/health/live").status == 200
    return held


def test_over_the_connection_limit_the_one_longest_idle_makes_room(stack):
    limited = stack.extra_gateway(SERVER_MAX_CONNECTIONS=20)
    wait_until(lambda: limited.get("/health/live").status == 200)
    held = open_for_long(limited, 20)
    assert held[0].request("GET", "/health/live").status == 200
    for _ in range(3):
        assert limited.get("/health/live").status == 200
    assert held[1].is_closed_by_server()
    for connection in (held[0], held[19]):
        assert connection.request("GET", "/health/live").status == 200, "it was not the one longest idle"
    for connection in held:
        connection.close()


def test_at_the_connection_limit_probes_get_through_whatever_fills_it(stack, resource):
    """Idle ones, half requests, half bodies, and requests that wait for their answer."""
    limited = stack.extra_gateway(SERVER_MAX_CONNECTIONS=20, SERVER_REQUEST_TIMEOUT="4s")
    limited.wait_ready()
    whole = request_bytes("POST", INCREMENT, item(resource))
    for data in (b"", whole[:20], whole[:-1]):
        crowd = [limited.connection() for _ in range(20)]
        for connection in crowd:
            connection.send(data)
        time.sleep(1.1)
        for _ in range(25):
            assert limited.get("/health/live").status == 200
        for connection in crowd:
            connection.close()
    stack.service.pause()
    try:
        crowd = [limited.connection() for _ in range(20)]
        for connection in crowd:
            connection.send(whole)
        time.sleep(0.2)
        assert limited.get("/health/live").status == 200
        assert limited.get("/health/ready").status in (200, 503)
    finally:
        stack.service.resume()
    for connection in crowd:
        connection.response()
        connection.close()
    stack.wait_ready()


def test_two_thousand_open_connections_do_not_hurt_the_others(gateway, resource):
    crowd = [HttpConnection(gateway.port, timeout=20) for _ in range(2000)]
    try:
        with Load(gateway.port, connections=10) as load:
            for connection in crowd:
                connection.send(request_bytes("POST", INCREMENT, item(resource)))
            assert all(connection.response().status == 200 for connection in crowd)
            time.sleep(1)
            ledger = load.stop()
        assert set(ledger.statuses) == {200}, ledger
        assert ledger.total(ACKNOWLEDGED) > 0
    finally:
        for connection in crowd:
            connection.close()
    assert read(gateway, resource) == 2000


def test_what_the_others_counted_is_exact(stack):
    """The law without any fault."""
    with Load(stack.gateway.port) as load:
        time.sleep(2)
        ledger = load.stop()
    check(ledger, stack.values(ledger.counters()))
    assert set(ledger.statuses) == {200}, ledger
