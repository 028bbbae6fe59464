"""Shedding: over a bound the answer is an immediate refusal, not a longer queue."""

import contextlib

import pytest

from harness.calls import INCREMENT, item, read
from harness.daemons import SHIPPED_TIMEOUTS
from harness.exposition import scrape, writes
from harness.http_client import HttpConnection, request_bytes
from harness.problems import check_problem, check_retry_after
from harness.stubs import CounterServiceStub, outcome, pb

MAX_PENDING = 64
QUEUE = 2000


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(
        service=SHIPPED_TIMEOUTS | {"COUNTER_SERVICE_QUEUE": QUEUE},
        gateway=SHIPPED_TIMEOUTS | {"SERVER_MAX_PENDING": MAX_PENDING, "SERVER_LOOPS": 1},
    )


@pytest.fixture
def paused_redis(stack):
    stack.redis.pause()
    yield
    stack.redis.resume()
    stack.wait_ready()


def test_requests_over_max_pending_are_shed_at_once(stack, resource, paused_redis):
    """Sent all at a time, they are there before the first of those that wait can have ended."""
    shed_before = scrape(stack.gateway).sum("tally_shed_total", reason="max_pending")
    with contextlib.ExitStack() as ends:
        connections = [ends.enter_context(HttpConnection(stack.gateway.port)) for _ in range(4 * MAX_PENDING)]
        for connection in connections:
            connection.send(request_bytes("POST", INCREMENT, item(resource)))
        answers = [connection.response("POST") for connection in connections]
    for response in answers:
        assert response.status in (503, 504), response
        if response.status == 503:
            check_problem(response, 503, "not_applied")
            check_retry_after(response)
        else:
            check_problem(response, 504, "unknown")
    shed = scrape(stack.gateway).sum("tally_shed_total", reason="max_pending") - shed_before
    assert shed >= 2 * MAX_PENDING, f"only {shed} of {len(answers)} were shed at once"


def test_the_same_gateway_serves_again_and_has_lost_count_of_nothing(stack, resource):
    assert stack.gateway.post(INCREMENT, item(resource)).json()["value"] == 1
    accepted, ended = writes(stack.gateway)
    assert ended["applied"] > 0 and ended["not_applied"] + ended["unknown"] > 0
    assert accepted == sum(ended.values()), ended


def test_calls_over_the_services_queue_are_shed_at_once(stack, resource, paused_redis):
    items = [pb.IncrementRequest(resource_id=resource, counter_type="like", delta=1)] * 1000
    with stack.service.channel() as channel:
        stub = CounterServiceStub(channel)
        calls = [stub.BatchIncrement.future(pb.BatchIncrementRequest(items=items), timeout=8) for _ in range(8)]
        errors = [call.exception() for call in calls]
    for error in errors:
        code = error.code().name
        assert code in ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNKNOWN", "DEADLINE_EXCEEDED"), error
        if code in ("RESOURCE_EXHAUSTED", "UNAVAILABLE"):
            assert outcome(error) == "not_applied", error
        else:
            assert outcome(error) in ("unknown", None), error
    assert any(error.code().name == "RESOURCE_EXHAUSTED" for error in errors), [error.code() for error in errors]


def test_the_service_counts_again_after_shedding(stack, resource):
    assert stack.gateway.post(INCREMENT, item(resource)).json()["value"] == 1
    assert read(stack.gateway, resource) == 1
