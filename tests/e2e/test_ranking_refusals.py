"""Requests for rankings that break a rule, and answers of the service that are none."""

import grpc
import pytest

from harness.daemons import Gateway
from harness.problems import check_problem
from harness.rankings import RANK, TOP, ranked, state, top, will_answer, will_fail
from harness.session_service import SessionService
from harness.stubs import pb

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def fake():
    fake = SessionService()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def gateway(fake, tmp_path_factory):
    """One that goes on asking a service that gives no answer."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), fake.address, DRAIN_DELAY="0ms", BREAKER_FAILURES=1000)
    gateway.start()
    yield gateway
    gateway.stop()
    gateway.close()


# --- 400


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("/api/v1/rankings/like", "window is missing"),
        ("/api/v1/rankings/like/a", "window is missing"),
        ("/api/v1/rankings/like?", "window is missing"),
        ("/api/v1/rankings/like?window=", "window is missing"),
        ("/api/v1/rankings/like?window=a+b", "window must be at most 32 characters of visible ASCII"),
        ("/api/v1/rankings/like?window=%C3%A9", "window must be at most 32 characters of visible ASCII"),
        (f"/api/v1/rankings/like?window={'d' * 33}", "window must be at most 32 characters of visible ASCII"),
        (f"{TOP}&period={'2' * 33}", "period must be at most 32 characters of visible ASCII"),
        (f"{RANK}&period=%0A", "period must be at most 32 characters of visible ASCII"),
        (f"{TOP}&limit=0", "limit must be a number from 1 to 1000"),
        (f"{TOP}&limit=1001", "limit must be a number from 1 to 1000"),
        (f"{TOP}&limit=ten", "limit must be a number from 1 to 1000"),
        (f"{TOP}&limit=", "limit must be a number from 1 to 1000"),
        (f"{TOP}&limit", "limit must be a number from 1 to 1000"),
        (f"{TOP}&limit=99999999999999999999", "limit must be a number from 1 to 1000"),
        (f"{TOP}&offset=-1", "offset must be a number from 0 to 100000"),
        (f"{TOP}&offset=100001", "offset must be a number from 0 to 100000"),
        (f"{RANK}&neighbours=101", "neighbours must be a number from 0 to 100"),
        (f"{RANK}&neighbours=1.5", "neighbours must be a number from 0 to 100"),
        (f"{TOP}&neighbours=1", "neighbours is not a parameter of this call"),
        (f"{RANK}&limit=1", "limit is not a parameter of this call"),
        (f"{RANK}&offset=1", "offset is not a parameter of this call"),
        (f"{TOP}&top=3", "top is not a parameter of this call"),
        (f"{TOP}&=3", '"" is not a parameter of this call'),
        (f"{TOP}&%FF=3", "the query must be UTF-8"),
        (f"{TOP}&window=day", "window is given twice"),
        (f"{TOP}&limit=1&limit=1", "limit is given twice"),
        (f"{RANK}&neighbours=1&neighbours=2", "neighbours is given twice"),
        (f"{TOP}&period=%", "the query must have two hexadecimal digits behind each '%'"),
        (f"{TOP}&period=%00", "the query must have two hexadecimal digits behind each '%'"),
        ("/api/v1/rankings/Like?window=day", "counter_type must start with a letter"),
        (f"/api/v1/rankings/{'z' * 65}?window=day", "counter_type must be 1-64 bytes"),
        ("/api/v1/rankings/li%ke/a?window=day", "counter_type must have two hexadecimal digits"),
        ("/api/v1/rankings/like/%7Ba?window=day", "resource_id must not have"),
        (f"/api/v1/rankings/like/{'x' * 257}?window=day", "resource_id must be 1-256 bytes"),
        ("/api/v1/rankings/like/a%00?window=day", "resource_id must have two hexadecimal digits"),
    ],
)
def test_what_breaks_a_rule_is_named_with_it(fake, gateway, target, says):
    will_answer(fake, top())
    check_problem(gateway.get(target), 400, None, says)
    assert fake.requests == []


def test_a_name_of_any_length_is_told_in_part(gateway):
    problem = check_problem(gateway.get(f"{TOP}&{'%C3%A9' * 500}=1"), 400, None, " is not a parameter of this call")
    assert len(problem["detail"]) < 200


# --- what the service says


@pytest.mark.parametrize("target", [TOP, RANK])
@pytest.mark.parametrize(
    "message", ["there is no ranking of like: view, share", 'windows: "hour", é, day\n', "x" * 2048]
)
def test_no_such_ranking_is_told_in_the_services_words(fake, gateway, target, message):
    will_fail(fake, Code.NOT_FOUND, message=message)
    problem = check_problem(gateway.get(target), 404, None)
    assert (problem["type"], problem["detail"]) == ("/problems/no-such-ranking", message)
    assert len(fake.requests) == 1


def test_a_rule_of_the_services_is_told_in_its_words(fake, gateway):
    will_fail(fake, Code.INVALID_ARGUMENT, message="window must be one of hour, day, 24h")
    problem = check_problem(gateway.get("/api/v1/rankings/like?window=fortnight"), 400, None)
    assert (problem["type"], problem["detail"]) == (
        "/problems/invalid-argument",
        "window must be one of hour, day, 24h",
    )
    will_fail(fake, Code.INVALID_ARGUMENT, message="resource_id must be another")
    check_problem(gateway.get("/api/v1/counter/a"), 400, None, "resource_id must be another")


@pytest.mark.parametrize("message", ["", "x" * 2049])
def test_without_such_words_the_usual_ones_are_told(fake, gateway, message):
    will_fail(fake, Code.NOT_FOUND, message=message)
    check_problem(gateway.get(TOP), 404, None, "no such ranking, or no such window or period of it, is configured")


def test_no_other_words_of_the_services_are_told(fake, gateway):
    for code in (Code.UNIMPLEMENTED, Code.FAILED_PRECONDITION):
        will_fail(fake, code, message="redis:6379 said WRONGTYPE")
        assert "6379" not in check_problem(gateway.get(TOP), 500, None)["detail"]


def test_a_service_without_rankings_is_of_another_version(fake, gateway):
    will_fail(fake, Code.UNIMPLEMENTED)
    for target in (TOP, RANK):
        problem = check_problem(gateway.get(target), 500, None)
        assert problem["type"] == "/problems/version-mismatch"


def test_not_found_without_the_trailer_is_no_answer(fake, gateway):
    """It may be anybody's on the way."""
    will_fail(fake, Code.NOT_FOUND, outcome=None)
    check_problem(gateway.get(TOP), 504, None)


@pytest.mark.parametrize(
    "response",
    [
        pb.TopCountersResponse(),
        top(period="a b"),
        top(period="2" * 33),
        top(as_of_ms=-1),
        top(as_of_ms=2**63 - 1),
        top(since_ms=-1),
        top(age_ms=-1),
        top(max_age_ms=-1),
        top(ranked(1, "", 1)),
        top(ranked(1, "a{", 1)),
        top(ranked(0, "a", 1)),
        top(*[ranked(number, "a", 1) for number in range(1, 1002)]),
    ],
    ids=lambda _: "",
)
def test_an_answer_that_cannot_be_is_damage(fake, gateway, response):
    will_answer(fake, response)
    problem = check_problem(gateway.get(TOP), 500, None)
    assert problem["type"] == "/problems/data-damaged"


@pytest.mark.parametrize("response", [pb.RankOfResponse(), pb.RankOfResponse(state=state(), rank=-1)], ids=["", ""])
def test_a_rank_that_cannot_be_is_damage(fake, gateway, response):
    will_answer(fake, response)
    check_problem(gateway.get(RANK), 500, None)


def test_a_reply_that_makes_no_sense_is_of_another_version(fake, gateway):
    fake.will_answer(lambda _: b"\xff\xff")
    problem = check_problem(gateway.get(TOP), 500, None)
    assert problem["type"] == "/problems/version-mismatch"
