"""The memory that bodies take has a bound: who finds no room waits unread, and is told if there is none in time."""

import contextlib
import os
import time

import pytest

from harness.calls import INCREMENT, INCREMENT_BATCH, increment_batch, item, read
from harness.batch_callers import call_once
from harness.exposition import scrape
from harness.http_client import request_bytes
from harness.paths import MEMORY_FACTOR
from harness.problems import check_problem, check_retry_after
from harness.wait import wait_until

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def gateway(stack):
    gateway = stack.extra_gateway(SERVER_MAX_BODY_MEMORY="16MiB", SERVER_LOOPS=1)
    gateway.wait_ready()
    return gateway


def resident(gateway):
    with open(f"/proc/{gateway.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def body_bytes(gateway):
    return scrape(gateway).sum("tally_http_body_bytes")


def head(*lines):
    start = [f"POST {INCREMENT_BATCH} HTTP/1.1", "Host: t", "Content-Type: application/json"]
    return "\r\n".join([*start, *lines, "", ""]).encode()


def check_shed(response):
    check_problem(response, 503, "not_applied", "bodies")
    check_retry_after(response)
    assert response.closes


def test_three_hundred_unfinished_bodies_do_not_take_300_mib(gateway, resource):
    before = resident(gateway)
    with contextlib.ExitStack() as ends:
        connections = [ends.enter_context(gateway.connection()) for _ in range(300)]
        announced = head(f"Content-Length: {MIB}")
        for connection in connections[:16]:
            connection.send(announced + b" " * (MIB - 1))
        wait_until(lambda: body_bytes(gateway) == 16 * MIB)
        for connection in connections[16:]:
            connection.send(announced)
        assert gateway.post(INCREMENT, item(resource)).json()["value"] == 1, "a usual body does not wait for others"
        for connection in connections[16:]:
            check_shed(connection.response())
        assert body_bytes(gateway) == 16 * MIB
        assert resident(gateway) - before < 32 * MIB * MEMORY_FACTOR
        check_shed(increment_batch(gateway, [item(resource, user_id="u" * 100)] * 100))
    wait_until(lambda: body_bytes(gateway) == 0)
    assert increment_batch(gateway, [item(resource)] * 1000).json()["results"][-1]["value"] == 1001
    assert body_bytes(gateway) == 0
    assert scrape(gateway).sum("tally_shed_total", reason="max_body_memory") == 285


def test_callers_that_find_no_room_wait_and_are_served(stack, resource):
    """Room for two batches of a hundred."""
    gateway = stack.extra_gateway(
        SERVER_MAX_BODY_MEMORY="1MiB", SERVER_LOOPS=1, SERVER_REQUEST_TIMEOUT="20s", COUNTER_SERVICE_MAX_DEADLINE="20s"
    )
    gateway.wait_ready()
    ledger = call_once(gateway.port, resource, 100, 200)
    assert dict(ledger.statuses) == {200: 100}, ledger
    assert read(gateway, resource) == 100 * 200
    with gateway.connection() as waits, contextlib.ExitStack() as ends:
        fills = ends.enter_context(gateway.connection())
        fills.send(head(f"Content-Length: {MIB}") + b" " * 100)
        wait_until(lambda: body_bytes(gateway) == MIB)
        waits.send(request_bytes("POST", INCREMENT_BATCH, {"increments": [item(resource)] * 200}))
        wait_until(lambda: scrape(gateway).sum("tally_http_requests_in_flight") >= 3)
        assert read(gateway, resource) == 100 * 200, "its body is not read yet"
        fills.close()
        assert waits.response().json()["results"][-1]["value"] == 100 * 200 + 200


def assert_bounded_until_settled(gateway):
    """Until nothing more has come for a while."""
    seen = [-1]
    while len(seen) < 5 or seen[-5:] != seen[-1:] * 5 or seen[-1] == 0:
        seen.append(body_bytes(gateway))
        assert seen[-1] <= 16 * MIB
        time.sleep(0.1)


def test_chunked_bodies_are_counted_as_they_grow(gateway, resource):
    chunk = b"%x\r\n%s\r\n" % (MIB // 2, b" " * (MIB // 2))
    with contextlib.ExitStack() as ends:
        connections = [ends.enter_context(gateway.connection()) for _ in range(40)]
        for connection in connections:
            connection.send(head("Transfer-Encoding: chunked") + chunk)
        assert_bounded_until_settled(gateway)
        for connection in connections:
            connection.send(b"0\r\n\r\n")
        statuses = [connection.response().status for connection in connections]
    assert set(statuses) == {400, 503}, statuses
    assert statuses.count(503) >= 8
    wait_until(lambda: body_bytes(gateway) == 0)
    assert read(gateway, resource) == 0
