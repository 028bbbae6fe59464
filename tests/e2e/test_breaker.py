"""The circuit breaker: an instance that fails gets no calls for a while, then one; an answer closes it."""

import grpc
import pytest

from harness.calls import increment
from harness.daemons import PATIENT_ATTEMPTS, Gateway
from harness.exposition import scrape
from harness.fake_service import Failure
from harness.problems import check_problem, check_retry_after
from harness.session_service import SessionService
from harness.stubs import pb
from harness.wait import wait_until

FAILURES = 3
SHORT, LONG = 3, 30  # seconds for which it is open: for a test that waits for their end; and for one that must not
CLOSED, HALF_OPEN, OPEN = 0, 1, 2

DOWN = Failure(grpc.StatusCode.UNAVAILABLE, None)
REFUSALS = [
    Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "not_applied"),
    Failure(grpc.StatusCode.UNAVAILABLE, "not_applied"),
]


def fine(request):
    items = pb.SessionIncrementRequest.FromString(request).items
    return pb.BatchIncrementResponse(results=[{"value": item.delta} for item in items]).SerializeToString()


def failing(failure):
    return lambda request: failure


@pytest.fixture
def fake():
    service = SessionService()
    yield service
    service.close()


@pytest.fixture
def open_seconds(request):
    return getattr(request, "param", SHORT)


@pytest.fixture
def broken_gateway(tmp_path, fake, open_seconds):
    settings = {"BREAKER_FAILURES": FAILURES, "BREAKER_OPEN_FOR": f"{open_seconds}s", **PATIENT_ATTEMPTS}
    gateway = Gateway(tmp_path, fake.address, name="breaking", **settings)
    gateway.start()
    yield gateway
    gateway.stop()
    gateway.close()


def state(gateway, fake):
    """(state, how often it went into each)."""
    exposition = scrape(gateway)
    names = ("closed", "half_open", "open")
    changes = {name: exposition.sum("tally_breaker_changes_total", state=name) for name in names}
    return exposition.sum("tally_breaker_state", instance=fake.address), changes


def open_it(gateway, fake):
    fake.will_answer(failing(DOWN))
    wait_until(lambda: increment(gateway, "r").status == 504 and state(gateway, fake)[0] == OPEN)
    assert increment(gateway, "r").status == 503  # it has waited for the instance: for a moment, not to its deadline


@pytest.mark.parametrize("open_seconds", [LONG], indirect=True)
def test_it_opens_after_failures_in_a_row_and_answers_at_once(broken_gateway, fake):
    assert state(broken_gateway, fake) == (CLOSED, {"closed": 0, "half_open": 0, "open": 0})
    open_it(broken_gateway, fake)
    assert len(fake.requests) == FAILURES
    for _ in range(20):
        response = increment(broken_gateway, "r")
        check_problem(response, 503, "not_applied")
        check_retry_after(response)
        assert int(response.header("retry-after")) <= LONG
    assert len(fake.requests) == FAILURES, "nothing is sent to it"
    assert state(broken_gateway, fake) == (OPEN, {"closed": 0, "half_open": 0, "open": 1})
    assert broken_gateway.instances()[fake.address]["breaker"] == "open"
    assert broken_gateway.get("/health/ready").status == 503


def test_one_call_tries_it_and_a_failure_opens_it_again(broken_gateway, fake):
    open_it(broken_gateway, fake)
    wait_until(lambda: increment(broken_gateway, "r").status == 504 and len(fake.requests) > FAILURES)
    assert len(fake.requests) == FAILURES + 1
    assert state(broken_gateway, fake) == (OPEN, {"closed": 0, "half_open": 1, "open": 2})


def test_an_answer_closes_it(broken_gateway, fake):
    open_it(broken_gateway, fake)
    fake.will_answer(fine)
    wait_until(lambda: increment(broken_gateway, "r").status == 200)
    assert len(fake.requests) == 1
    assert state(broken_gateway, fake) == (CLOSED, {"closed": 1, "half_open": 1, "open": 1})
    assert broken_gateway.is_ready()
    for _ in range(10):
        assert increment(broken_gateway, "r").status == 200


def test_health_and_readiness_say_the_same(broken_gateway, fake):
    """Also when the breaker would let a call try, and nobody sends one."""
    open_it(broken_gateway, fake)

    def statuses():
        return broken_gateway.get("/health").status, broken_gateway.get("/health/ready").status

    assert statuses() == (503, 503)
    wait_until(lambda: statuses() == (200, 200))
    assert state(broken_gateway, fake)[0] == OPEN


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.code.name)
def test_refusals_do_not_open_it(broken_gateway, fake, refusal):
    """To refuse is no sign of a broken instance: it sheds, was too late, or says NOT_SERVING as well."""
    fake.will_answer(*[failing(refusal)] * (FAILURES + 1), fine)
    assert increment(broken_gateway, "r").status == 200
    assert len(fake.requests) == FAILURES + 2
    assert state(broken_gateway, fake)[0] == CLOSED
    assert scrape(broken_gateway).sum("tally_breaker_changes_total") == 0
