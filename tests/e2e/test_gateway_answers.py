"""What the gateway makes of each answer of the service, of none, and of answers that differ from attempt to attempt."""

import time

import grpc
import pytest

from harness.calls import increment, increment_batch, item, read_batch
from harness.daemons import PATIENT_ATTEMPTS, Gateway
from harness.exposition import scrape
from harness.fake_service import Failure
from harness.problems import check_problem, check_problem_document, check_retry_after
from harness.session_service import SessionService
from harness.stubs import pb

Code = grpc.StatusCode
IMPATIENT_ATTEMPTS = {"GRPC_COUNTER_SERVICE_ATTEMPT_TIMEOUT": "600ms"}
ONE_SECOND = {"SERVER_REQUEST_TIMEOUT": "1s", **IMPATIENT_ATTEMPTS}


@pytest.fixture(scope="module")
def fake():
    fake = SessionService()
    yield fake
    fake.close()


@pytest.fixture
def gateway(fake, tmp_path, request):
    """A new one for each test: a gateway has only so many re-sends to give. The parameter is settings of time, which
    are short only where that is what is tested."""
    times = getattr(request, "param", PATIENT_ATTEMPTS)
    gateway = Gateway(tmp_path, fake.address, DRAIN_DELAY="0ms", **times)
    gateway.start()
    yield gateway
    gateway.stop()
    gateway.close()


def results(*items):
    """Answers with these results whatever was asked."""
    return lambda _: pb.BatchIncrementResponse(results=items).SerializeToString()


def values(request):
    """Applies all; the value is the delta."""
    items = pb.SessionIncrementRequest.FromString(request).items
    return pb.BatchIncrementResponse(results=[pb.IncrementResult(value=one.delta) for one in items]).SerializeToString()


def fails(code, outcome=None):
    return lambda _: Failure(code, outcome)


def late(answer, seconds):
    def answers(request):
        time.sleep(seconds)
        return answer(request)

    return answers


@pytest.mark.parametrize(
    ("result", "status", "outcome"),
    [
        (pb.IncrementResult(code=Code.INVALID_ARGUMENT.value[0], message="m"), 400, "not_applied"),
        (pb.IncrementResult(code=Code.OUT_OF_RANGE.value[0], message="m"), 409, "not_applied"),
        (pb.IncrementResult(code=Code.ALREADY_EXISTS.value[0], message="m"), 422, "not_applied"),
        (pb.IncrementResult(code=9, message="m", reason=pb.TOO_MANY_COUNTER_TYPES), 409, "not_applied"),
        (pb.IncrementResult(code=9, message="m", reason=pb.DATA_DAMAGED), 500, "not_applied"),
        (pb.IncrementResult(code=Code.UNKNOWN.value[0], message="m"), 504, "unknown"),
        (pb.IncrementResult(code=Code.DEADLINE_EXCEEDED.value[0], message="m"), 504, "unknown"),
        (pb.IncrementResult(code=Code.UNAVAILABLE.value[0], message="m"), 503, "not_applied"),
    ],
)
def test_an_items_code_is_that_items_answer(fake, gateway, result, status, outcome):
    fake.will_answer(results(result))
    check_problem(increment(gateway, "r"), status, outcome)
    fake.will_answer(results(pb.IncrementResult(value=7), result))
    first, second = increment_batch(gateway, [item("r"), item("r")]).json()["results"]
    assert first["value"] == 7
    check_problem_document(second["error"], status, outcome)


@pytest.mark.parametrize(
    ("answer", "status", "outcome", "resent"),
    [
        (fails(Code.INVALID_ARGUMENT, "not_applied"), 400, "not_applied", False),
        (fails(Code.UNIMPLEMENTED, "not_applied"), 500, "not_applied", False),
        (fails(Code.UNKNOWN, "unknown"), 504, "unknown", True),
        (fails(Code.DEADLINE_EXCEEDED, "unknown"), 504, "unknown", None),
        (fails(Code.UNAVAILABLE), 504, "unknown", True),
        (fails(Code.RESOURCE_EXHAUSTED), 504, "unknown", True),
        (fails(Code.CANCELLED), 504, "unknown", True),
        (fails(Code.INTERNAL), 504, "unknown", True),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_a_failed_call_is_resent_if_that_may_help_and_told_in_the_end(fake, gateway, answer, status, outcome, resent):
    fake.will_answer(answer)
    check_problem(increment(gateway, "r"), status, outcome)
    if resent is not None:
        assert (len(fake.requests) > 1) == resent, f"{len(fake.requests)} attempts"
    assert len(set(fake.requests)) == 1, "a re-send is the very same bytes"


def refused_to_the_end(fake, gateway, refusal):
    """The answer to an increment that is refused until its deadline. Nothing is sent that would be out at the deadline,
    by the time that attempts took so far: that would be unknown. One that the machine held up can be, so three are
    tried."""
    for _ in range(3):
        fake.will_answer(refusal)
        response = increment(gateway, "r")
        if response.status != 504:
            break
    return response


def test_a_refused_call_is_resent_while_there_is_time_and_budget_and_was_not_applied(fake, gateway):
    response = refused_to_the_end(fake, gateway, fails(Code.UNAVAILABLE, "not_applied"))
    check_problem(response, 503, "not_applied")
    check_retry_after(response)
    assert len(fake.requests) > 1 and len(set(fake.requests)) == 1


def test_what_is_shed_waits_and_is_sent_as_a_new_batch(fake, gateway):
    shed = fails(Code.RESOURCE_EXHAUSTED, "not_applied")
    fake.will_answer(shed, shed, values)
    assert increment(gateway, "r", increment=5).json()["value"] == 5
    session = fake.sessions[-1]
    assert places(fake) == [(session, 0, 1), (session, 0, 2), (session, 0, 3)]


def test_what_is_shed_to_the_end_was_not_applied(fake, gateway):
    response = refused_to_the_end(fake, gateway, fails(Code.RESOURCE_EXHAUSTED, "not_applied"))
    check_problem(response, 503, "not_applied")
    check_retry_after(response)
    assert scrape(gateway).sum("tally_shed_total", reason="not_in_time") == 1
    assert 5 < len(fake.requests) < 1000, "slower and slower, by no means at once"


def test_what_was_unknown_before_it_was_shed_is_settled_by_the_same_bytes(fake, gateway):
    shed = fails(Code.RESOURCE_EXHAUSTED, "not_applied")
    fake.will_answer(fails(Code.UNKNOWN, "unknown"), shed, values)
    assert increment(gateway, "r", increment=5).json()["value"] == 5
    assert len(fake.requests) == 3 and len(set(fake.requests)) == 1


@pytest.mark.parametrize("failing", [1, 3])
@pytest.mark.parametrize("answer", [fails(Code.UNAVAILABLE, "not_applied"), fails(Code.UNKNOWN, "unknown")])
def test_a_resend_that_works_is_an_answer_as_any(fake, gateway, answer, failing):
    fake.will_answer(*[answer] * failing, values)
    assert increment(gateway, "r", increment=5).json()["value"] == 5
    assert len(fake.requests) == failing + 1 and len(set(fake.requests)) == 1
    assert pb.SessionIncrementRequest.FromString(fake.requests[0]).session == fake.sessions[-1]


def test_what_was_once_unknown_stays_unknown(fake, gateway):
    """The first attempt may have been applied: that a later one was refused does not clear it."""
    fake.will_answer(fails(Code.UNKNOWN, "unknown"), fails(Code.UNAVAILABLE, "not_applied"))
    check_problem(increment(gateway, "r"), 504, "unknown")
    assert len(fake.requests) > 1


def test_results_settle_what_was_unknown(fake, gateway):
    fake.will_answer(fails(Code.UNKNOWN, "unknown"), results(pb.IncrementResult(code=11, message="m")))
    check_problem(increment(gateway, "r"), 409, "not_applied")


# --- parts: items that lie in other partitions of the store


def part(code, reason=pb.ERROR_REASON_UNSPECIFIED):
    """The error of an item whose part of the batch failed as a whole."""
    return pb.IncrementResult(code=code.value[0], message="m", reason=reason, part_failed=True)


APPLIED = pb.IncrementResult(value=7)
# The item's result, what its caller is told of it, and the slug of the problem.
PARTS = [
    (part(Code.UNKNOWN), 504, "unknown", "reply-lost"),
    (part(Code.UNAVAILABLE), 503, "not_applied", "store-unavailable"),
    (part(Code.UNAVAILABLE, pb.WRITES_REFUSED), 503, "not_applied", "store-refuses-writes"),
    (part(Code.UNAVAILABLE, pb.DEADLINE_PASSED), 503, "not_applied", "deadline-passed"),
    (part(Code.FAILED_PRECONDITION, pb.DATA_DAMAGED), 500, "not_applied", "data-damaged"),
]
SENT_AGAIN = [part(Code.ABORTED), part(Code.ALREADY_EXISTS), part(Code.RESOURCE_EXHAUSTED)]


@pytest.mark.parametrize(("result", "status", "outcome", "slug"), PARTS)
def test_a_part_that_failed_fails_its_own_items_only(fake, gateway, result, status, outcome, slug):
    fake.will_answer(results(APPLIED, result, pb.IncrementResult(code=11, message="m")))
    first, second, third = increment_batch(gateway, [item("r")] * 3).json()["results"]
    assert first["value"] == 7
    check_problem_document(second["error"], status, outcome)
    assert second["error"]["type"].endswith(slug)
    check_problem_document(third["error"], 409, "not_applied")
    assert len(fake.requests) == 1, "what is settled is answered now"
    written = scrape(gateway)
    assert written.sum("tally_writes_total", outcome="applied") == 1
    assert written.sum("tally_writes_total", outcome=outcome) == (2 if outcome == "not_applied" else 1)


@pytest.mark.parametrize("result", [row[0] for row in PARTS] + SENT_AGAIN)
def test_a_part_that_was_once_unknown_stays_unknown(fake, gateway, result):
    """That the other part has its results says nothing of it."""
    fake.will_answer(fails(Code.UNKNOWN, "unknown"), results(APPLIED, result), values)
    first, second = increment_batch(gateway, [item("r")] * 2).json()["results"]
    assert first["value"] == 7
    check_problem_document(second["error"], 504, "unknown")
    assert len(fake.requests) == 2 and len(set(fake.requests)) == 1
    assert increment(gateway, "r", increment=3).json()["value"] == 3
    assert places(fake)[1:] == [(fake.sessions[-1], 0, 1), (fake.sessions[-1], 0, 2)], "it closes the lane"


def test_what_a_part_has_decided_settles_what_was_unknown(fake, gateway):
    refused = pb.IncrementResult(code=Code.UNAVAILABLE.value[0], message="m", reason=pb.WRITES_REFUSED)
    fake.will_answer(fails(Code.UNKNOWN, "unknown"), results(refused, pb.IncrementResult(code=6, message="m")))
    first, second = increment_batch(gateway, [item("r")] * 2).json()["results"]
    check_problem_document(first["error"], 503, "not_applied")
    check_problem_document(second["error"], 422, "not_applied")


@pytest.mark.parametrize("result", SENT_AGAIN)
def test_a_part_that_may_be_sent_again_is_sent_alone(fake, gateway, result):
    fake.will_answer(results(APPLIED, result, APPLIED, result), values)
    items = [item("r", increment=number) for number in range(1, 5)]
    answers = increment_batch(gateway, items).json()["results"]
    assert [answer["value"] for answer in answers] == [7, 2, 7, 4]
    again = pb.SessionIncrementRequest.FromString(fake.requests[1])
    assert [one.delta for one in again.items] == [2, 4]
    first, second = places(fake)
    assert second != first and (second[0] != first[0]) == (result.code != Code.RESOURCE_EXHAUSTED.value[0])


def test_a_batch_whose_parts_are_all_refused_is_refused_whole(fake, gateway):
    fake.will_answer(results(PARTS[2][0], PARTS[1][0]))
    response = increment_batch(gateway, [item("r")] * 2)
    check_problem(response, 503, "not_applied")
    check_retry_after(response)


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [
        (Code.UNKNOWN, 0, 504),
        (Code.UNAVAILABLE, 0, 503),
        (Code.UNAVAILABLE, pb.DEADLINE_PASSED, 503),
        (Code.FAILED_PRECONDITION, pb.DATA_DAMAGED, 500),
    ],
)
def test_a_read_of_a_part_that_failed_is_an_error_beside_values(fake, gateway, code, reason, status):
    failed = pb.GetResult(code=code.value[0], message="m", reason=reason)
    fake.will_answer(lambda _: pb.BatchGetResponse(results=[failed, pb.GetResult(value=5)]).SerializeToString())
    first, second = read_batch(gateway, [item("r")] * 2).json()["results"]
    check_problem_document(first["error"], status, None)
    assert "value" not in first and second["value"] == 5


# --- sessions


def places(fake):
    """(session, lane, sequence) of each request."""
    requests = [pb.SessionIncrementRequest.FromString(request) for request in fake.requests]
    return [(request.session, request.lane, request.sequence) for request in requests]


def test_batches_of_a_session_are_numbered(fake, gateway):
    fake.will_answer(values)
    for number in range(1, 4):
        assert increment(gateway, "r", increment=number).json()["value"] == number
    session = fake.sessions[-1]
    assert places(fake) == [(session, 0, 1), (session, 0, 2), (session, 0, 3)]


def test_the_next_batch_closes_the_lane_of_one_that_ended_unknown(fake, gateway):
    fake.will_answer(fails(Code.UNKNOWN, "unknown"), fails(Code.INVALID_ARGUMENT, "not_applied"), values)
    check_problem(increment(gateway, "r"), 504, "unknown")
    assert increment(gateway, "r").status == 200
    session = fake.sessions[-1]
    assert places(fake) == [(session, 0, 1), (session, 0, 1), (session, 0, 2)]


@pytest.mark.parametrize("code", [Code.ABORTED, Code.ALREADY_EXISTS])
def test_what_is_refused_for_its_session_is_sent_in_another_one(fake, gateway, code):
    """It has ended there, or somebody else uses it too: a copy of this machine, say."""
    fake.will_answer(fails(code, "not_applied"), values)
    assert increment(gateway, "r", increment=5).json()["value"] == 5
    old, new = fake.sessions[-2:]
    assert places(fake) == [(old, 0, 1), (new, 0, 1)]


@pytest.mark.parametrize("code", [Code.ABORTED, Code.ALREADY_EXISTS])
def test_what_was_once_unknown_is_not_sent_in_another_session(fake, gateway, code):
    fake.will_answer(fails(Code.UNKNOWN, "unknown"), fails(code, "not_applied"), values)
    check_problem(increment(gateway, "r"), 504, "unknown")
    assert len(fake.requests) == 2 and len(set(fake.requests)) == 1
    assert increment(gateway, "r").status == 200


def test_sessions_that_end_at_once_are_opened_at_a_bounded_rate(fake, gateway):
    fake.will_answer(fails(Code.ABORTED, "not_applied"))
    opened = len(fake.sessions)
    assert increment(gateway, "r").status in (503, 504)  # at the deadline the last attempt may have been out
    assert 2 <= len(fake.sessions) - opened <= 1 + 4000 / 20


# --- time


@pytest.mark.parametrize("gateway", [IMPATIENT_ATTEMPTS], indirect=True)
def test_a_silent_attempt_is_given_up_and_sent_again(fake, gateway):
    fake.will_answer(late(values, 1.5), values)
    started = time.monotonic()
    assert increment(gateway, "r", increment=4).json()["value"] == 4
    assert 0.4 < time.monotonic() - started
    assert len(fake.requests) == 2 and len(set(fake.requests)) == 1


@pytest.mark.parametrize("gateway", [ONE_SECOND], indirect=True)
def test_a_service_that_never_answers_is_unknown_by_the_deadline(fake, gateway):
    late_seconds = 8
    fake.will_answer(late(values, late_seconds))
    started = time.monotonic()
    check_problem(increment(gateway, "r"), 504, "unknown")
    assert 0.7 < time.monotonic() - started < late_seconds


@pytest.mark.parametrize("reply", [b"\xff\xff", b"\x0a\x05ab", b"", b"\x0a\x00" * 3])
def test_a_reply_that_makes_no_sense_is_unknown(fake, gateway, reply):
    """No message, or not a result for each item."""
    fake.will_answer(lambda _: reply)
    check_problem(increment(gateway, "r"), 504, "unknown")


@pytest.mark.parametrize(
    ("gateway", "answer", "statuses"),
    [
        (PATIENT_ATTEMPTS, fails(Code.UNAVAILABLE, "not_applied"), (503, 504)),
        (PATIENT_ATTEMPTS, fails(Code.UNAVAILABLE), (503, 504)),
        (PATIENT_ATTEMPTS, fails(Code.UNKNOWN, "unknown"), (503, 504)),
        (PATIENT_ATTEMPTS, fails(Code.UNIMPLEMENTED, "not_applied"), (500,)),
        (ONE_SECOND, late(lambda _: b"", 2), (504,)),
    ],
    indirect=["gateway"],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_a_failed_read_is_an_error_without_an_outcome_and_never_a_zero(fake, gateway, answer, statuses):
    fake.will_answer(answer)
    for target in ("/api/v1/counter/r/like", "/api/v1/counter/r"):
        response = gateway.get(target)
        assert response.status in statuses, response
        check_problem(response, response.status, None)
    response = read_batch(gateway, [item("r")] * 3)
    if response.status == 200:
        for result in response.json()["results"]:
            assert "value" not in result and "outcome" not in result["error"], result
    else:
        check_problem(response, response.status, None)


def test_the_items_of_a_batch_keep_their_order_and_positions(fake, gateway):
    fake.will_answer(values)
    items = [item("r", increment=number) if number % 3 else item("r", increment=0) for number in range(1, 100)]
    answers = increment_batch(gateway, items).json()["results"]
    assert [answer.get("value", 0) for answer in answers] == [one["increment"] for one in items]
