"""Sessions, as a foreign gRPC client uses them: a call counts once, in whatever order and however often copies come."""

import os
import random
import threading
import time
from collections import Counter

import grpc
import pytest

from harness.calls import INT64_MAX
from harness.daemons import Service
from harness.stubs import CounterServiceStub, failure, outcome, pb
from harness.wait import wait_until

ABORTED = grpc.StatusCode.ABORTED
ALREADY_EXISTS = grpc.StatusCode.ALREADY_EXISTS
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
TTL_SECONDS = 3


def one(resource, delta=1, counter_type="hit", **fields):
    return pb.IncrementRequest(resource_id=resource, counter_type=counter_type, delta=delta, **fields)


def message(session, sequence, *items, lane=0):
    return pb.SessionIncrementRequest(session=session, lane=lane, sequence=sequence, items=items)


def increment(rpc, *arguments, **keywords):
    return rpc.SessionIncrement(message(*arguments, **keywords), timeout=5)


def refusal(rpc, *arguments, **keywords):
    """Of a SessionIncrement that must be refused, and say that it is not applied."""
    error = failure(rpc.SessionIncrement, message(*arguments, **keywords))
    assert outcome(error) == "not_applied", error
    return error


def value_of(rpc, resource, counter_type="hit"):
    return rpc.Get(pb.GetRequest(resource_id=resource, counter_type=counter_type), timeout=5).value


def open_session(rpc):
    return rpc.OpenSession(pb.OpenSessionRequest(), timeout=5)


@pytest.fixture
def session(rpc):
    return open_session(rpc).session


@pytest.fixture(scope="module")
def second(stack, tmp_path_factory):
    """A stub of another service on the same Redis."""
    service = Service(tmp_path_factory.mktemp("second"), stack.redis.address, name="second")
    service.start()
    with service.channel() as channel:
        yield CounterServiceStub(channel)
    service.stop()
    service.close()


# --- opening


def test_each_opening_is_another_session_of_the_same_store(rpc, second):
    replies = [open_session(stub) for stub in (rpc, second) * 10]
    assert {len(reply.session) for reply in replies} == {16}
    assert len({reply.session for reply in replies}) == len(replies)
    stores = {reply.store_id for reply in replies}
    assert len(stores) == 1 and len(bytes.fromhex(stores.pop())) == 16
    assert {reply.idle_timeout_ms for reply in replies} == {3600 * 1000}


def test_a_session_is_known_to_every_service(rpc, second, session, resource):
    assert increment(rpc, session, 1, one(resource)) == increment(second, session, 1, one(resource))
    assert increment(second, session, 2, one(resource)).results[0].value == 2
    assert second.KeepSession(pb.KeepSessionRequest(session=session), timeout=5).idle_timeout_ms == 3600 * 1000


# --- copies


def test_a_copy_is_answered_with_the_stored_results(rpc, session, resource):
    """As they were: a replay by a key stays one, and an increment that was none stays none."""
    rpc.Increment(one(resource, 5, idempotency_key="k"), timeout=5)
    items = [
        one(resource, 5, idempotency_key="k"),
        one(resource, 6, idempotency_key="k"),
        one(resource, INT64_MAX),
        one(resource, 2**53 + 1, "big"),
        one(resource, 1, idempotency_key="new"),
    ]
    first = increment(rpc, session, 1, *items)
    assert [(result.code, result.value, result.replayed) for result in first.results] == [
        (0, 5, True),
        (ALREADY_EXISTS.value[0], 0, False),
        (grpc.StatusCode.OUT_OF_RANGE.value[0], 0, False),
        (0, 2**53 + 1, False),
        (0, 6, False),
    ]
    rpc.Increment(one(resource, 100), timeout=5)
    assert increment(rpc, session, 1, *items) == first
    assert (value_of(rpc, resource), value_of(rpc, resource, "big")) == (106, 2**53 + 1)


def test_a_sequence_used_for_other_items_is_refused(rpc, session, resource):
    increment(rpc, session, 7, one(resource))
    for other in (
        [one(resource, 2)],
        [one(resource + "x")],
        [one(resource, counter_type="other")],
        [one(resource, user_id="u")],
        [one(resource, idempotency_key="k")],
        [one(resource)] * 2,
    ):
        error = refusal(rpc, session, 7, *other)
        assert error.code() == ALREADY_EXISTS and "sequence" in error.details(), error
    assert (value_of(rpc, resource), value_of(rpc, resource + "x"), value_of(rpc, resource, "other")) == (1, 0, 0)
    assert increment(rpc, session, 7, one(resource)).results[0].value == 1


def test_a_lower_sequence_is_refused_in_its_lane_only(rpc, session, resource):
    increment(rpc, session, 10, one(resource))
    error = refusal(rpc, session, 9, one(resource))
    assert error.code() == ABORTED and "lane" in error.details(), error
    assert value_of(rpc, resource) == 1
    assert increment(rpc, session, 9, one(resource), lane=1).results[0].value == 2


def test_sessions_do_not_know_of_each_other(rpc, session, resource):
    other = open_session(rpc).session
    assert increment(rpc, session, 5, one(resource)).results[0].value == 1
    assert increment(rpc, other, 5, one(resource)).results[0].value == 2
    assert increment(rpc, other, 6, one(resource)).results[0].value == 3
    assert increment(rpc, session, 5, one(resource)).results[0].value == 1


def test_an_unknown_session_is_refused(rpc, resource):
    error = refusal(rpc, os.urandom(16), 1, one(resource))
    assert error.code() == ABORTED and "session" in error.details(), error
    error = failure(rpc.KeepSession, pb.KeepSessionRequest(session=os.urandom(16)))
    assert error.code() == ABORTED and outcome(error) == "not_applied", error
    assert value_of(rpc, resource) == 0


NEIGHBOURS = [1, 2, 2**31, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 10**18, 10**18 + 1, 10**18 + 2, INT64_MAX - 1, INT64_MAX]


def test_neighbouring_sequences_are_told_apart(rpc, session, resource):
    for count, sequence in enumerate(NEIGHBOURS, 1):
        assert increment(rpc, session, sequence, one(resource)).results[0].value == count
        assert increment(rpc, session, sequence, one(resource)).results[0].value == count
        for earlier in {*NEIGHBOURS[: count - 1], sequence - 1} - {0}:
            assert refusal(rpc, session, earlier, one(resource)).code() == ABORTED
    assert value_of(rpc, resource) == len(NEIGHBOURS)


# --- rules


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"session": b""}, ("session", "16")),
        ({"session": b"s" * 15}, ("session", "16")),
        ({"session": b"s" * 17}, ("session", "16")),
        ({"lane": 1024}, ("lane", "1023")),
        ({"lane": 2**32 - 1}, ("lane", "1023")),
        ({"sequence": 0}, ("sequence", "1")),
        ({"sequence": -1}, ("sequence", "1")),
        ({"sequence": -(2**63)}, ("sequence", "1")),
        ({"items": 0}, ("items", "1000")),
        ({"items": 1001}, ("items", "1000")),
    ],
)
def test_a_broken_rule_is_named(rpc, session, resource, fields, says):
    sent = {"session": session, "lane": 0, "sequence": 1, "items": 1} | fields
    sent["items"] = [one(resource)] * sent["items"]
    error = failure(rpc.SessionIncrement, pb.SessionIncrementRequest(**sent))
    assert error.code() == INVALID_ARGUMENT and outcome(error) == "not_applied", error
    assert all(word in error.details() for word in says), error
    assert value_of(rpc, resource) == 0


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_session_to_keep_is_16_bytes(rpc, length):
    error = failure(rpc.KeepSession, pb.KeepSessionRequest(session=b"s" * length))
    assert error.code() == INVALID_ARGUMENT and "session" in error.details() and "16" in error.details(), error


def test_the_first_and_the_last_lane_take_a_thousand_items(rpc, session, resource):
    for lane in (0, 1023):
        reply = increment(rpc, session, 1, *[one(resource)] * 1000, lane=lane)
        assert [result.value for result in reply.results][::999] == [lane and 1001 or 1, lane and 2000 or 1000]
        assert increment(rpc, session, 1, *[one(resource)] * 1000, lane=lane) == reply
    assert value_of(rpc, resource) == 2000


# --- the end of a session


@pytest.fixture(scope="module")
def short_lived(start_stack):
    """A stub of a service whose sessions live for TTL_SECONDS only."""
    with start_stack(service={"SESSION_TTL": f"{TTL_SECONDS}s"}).service.channel() as channel:
        yield CounterServiceStub(channel)


def test_a_session_that_nobody_keeps_ends_and_one_that_is_kept_does_not(short_lived, resource):
    opened = open_session(short_lived)
    assert opened.idle_timeout_ms == TTL_SECONDS * 1000
    kept, left = opened.session, open_session(short_lived).session
    increment(short_lived, left, 1, one(resource))
    started = time.monotonic()

    def has_ended():
        reply = short_lived.KeepSession(pb.KeepSessionRequest(session=kept), timeout=5)
        assert reply.idle_timeout_ms == TTL_SECONDS * 1000
        if time.monotonic() - started < TTL_SECONDS:
            return False
        try:
            increment(short_lived, left, 2, one(resource + "-late"))
        except grpc.RpcError as error:
            assert error.code() == ABORTED and outcome(error) == "not_applied", error
            return True
        return False

    wait_until(has_ended, 4 * TTL_SECONDS, "the session to end", interval=0.2)
    assert refusal(short_lived, left, 1, one(resource)).code() == ABORTED, "its records went with it"
    assert failure(short_lived.KeepSession, pb.KeepSessionRequest(session=left)).code() == ABORTED
    assert increment(short_lived, kept, 1, one(resource)).results[0].value == 2


# --- any order


class Oracle:
    """What must be answered, as the protocol says."""

    def __init__(self, sessions):
        self.lanes = {(session, lane): (0, None, None) for session in sessions for lane in range(1024)}
        self.values = Counter()

    def answer(self, request):
        """A code, and the values of the results."""
        place = request.session, request.lane
        if place not in self.lanes:
            return ABORTED, None
        sequence, items, values = self.lanes[place]
        sent = [(item.resource_id, item.delta) for item in request.items]
        if request.sequence < sequence:
            return ABORTED, None
        if request.sequence == sequence:
            return (grpc.StatusCode.OK, values) if sent == items else (ALREADY_EXISTS, None)
        values = []
        for name, delta in sent:
            self.values[name] += delta
            values.append(self.values[name])
        self.lanes[place] = request.sequence, sent, values
        return grpc.StatusCode.OK, values


def answer_of(stub, request):
    try:
        reply = stub.SessionIncrement(request, timeout=5)
    except grpc.RpcError as error:
        assert outcome(error) == "not_applied", error
        return error.code(), None
    return grpc.StatusCode.OK, [result.value for result in reply.results]


def test_any_order_of_calls_is_answered_as_the_protocol_says(rpc, second, resource):
    """Two services, one call after the other."""
    chance = random.Random(resource)
    sessions = [open_session(rpc).session for _ in range(3)]
    oracle = Oracle(sessions)
    for number in range(1500):
        items = [one(f"{resource}-{chance.randrange(20)}", chance.choice((1, -1))) for _ in range(chance.randint(1, 2))]
        session = chance.choice(sessions) if number % 50 else os.urandom(16)
        sequence = max(1, number // 10 + chance.randint(-9, 3))
        request = message(session, sequence, *items, lane=chance.choice((0, 1, 1023)))
        for stub in chance.choices((rpc, second), k=chance.randint(1, 3)):
            assert answer_of(stub, request) == oracle.answer(request), request
    assert {name: value_of(rpc, name) for name in oracle.values} == oracle.values


def test_thousands_of_copies_by_two_connections_count_once(rpc, second, session, resource):
    """Each call has a counter of its own, and three copies, of which many come when their lane has gone on."""
    requests = [
        message(session, sequence, one(f"{resource}-{lane}-{sequence}"), lane=lane)
        for lane in range(30)
        for sequence in range(1, 41)
    ]
    copies = requests * 3
    random.Random(resource).shuffle(copies)
    copies.sort(key=lambda request: request.sequence // 4)  # more of them are taken than in no order at all
    answers = []

    def send(stub, part):
        answers.extend((request.items[0].resource_id, *answer_of(stub, request)) for request in part)

    threads = [threading.Thread(target=send, args=(stub, copies[half::2])) for half, stub in enumerate((rpc, second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3 * len(requests)
    assert {code for _, code, _ in answers} == {grpc.StatusCode.OK, ABORTED}
    taken = {name for name, code, _ in answers if code == grpc.StatusCode.OK}
    assert all(values == [1] for _, code, values in answers if code == grpc.StatusCode.OK)
    names = [request.items[0].resource_id for request in requests]
    queries = [pb.GetRequest(resource_id=name, counter_type="hit") for name in names]
    results = [
        result
        for start in range(0, len(queries), 1000)
        for result in rpc.BatchGet(pb.BatchGetRequest(queries=queries[start : start + 1000]), timeout=10).results
    ]
    assert [result.value for result in results] == [int(name in taken) for name in names]
