"""The gRPC contract, seen by a foreign client."""

import threading
import time

import grpc
import pytest

from harness.calls import INT64_MAX, INT64_MIN, fill_counter_types, set_value
from harness.stubs import METHODS, SERVICE, CounterServiceStub, failure, outcome, pb

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT.value[0]
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION.value[0]
ALREADY_EXISTS = grpc.StatusCode.ALREADY_EXISTS.value[0]
OUT_OF_RANGE = grpc.StatusCode.OUT_OF_RANGE.value[0]


def request(resource, delta=1, counter_type="like", **fields):
    return pb.IncrementRequest(resource_id=resource, counter_type=counter_type, delta=delta, **fields)


def value_of(rpc, resource, counter_type="like"):
    return rpc.Get(pb.GetRequest(resource_id=resource, counter_type=counter_type), timeout=5).value


def check_failure(error, code, says="", told="not_applied"):
    assert error.code() == code, error
    assert says in error.details(), error
    assert outcome(error) == told, error


def raw_call(channel, method, payload):
    return channel.unary_unary(f"/{SERVICE}/{method}")(payload, timeout=5)


def field(number, data):
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2, len(data)]) + data


# --- Increment


@pytest.mark.parametrize("delta", [1, -1, 2**53 + 1, 10**14 + 1, INT64_MAX, INT64_MIN])
def test_any_int64_but_zero_counts_exactly(rpc, resource, delta):
    reply = rpc.Increment(request(resource, delta), timeout=5)
    assert (reply.value, reply.replayed) == (delta, False)
    assert value_of(rpc, resource) == delta


def test_a_delta_of_zero_is_refused_and_not_turned_into_one(rpc, resource):
    check_failure(failure(rpc.Increment, request(resource, 0)), grpc.StatusCode.INVALID_ARGUMENT, "delta")
    assert value_of(rpc, resource) == 0


@pytest.mark.parametrize(("start", "delta"), [(INT64_MAX, 1), (INT64_MIN, -1), (2, INT64_MAX), (-2, INT64_MIN)])
def test_an_overflow_changes_nothing(rpc, resource, start, delta):
    set_value(rpc, resource, start)
    check_failure(failure(rpc.Increment, request(resource, delta)), grpc.StatusCode.OUT_OF_RANGE)
    assert value_of(rpc, resource) == start


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"resource_id": ""}, "resource_id"),
        ({"resource_id": "x" * 257}, "resource_id"),
        ({"resource_id": "a\nb"}, "resource_id"),
        ({"resource_id": "a\x00b"}, "resource_id"),
        ({"resource_id": "\x85"}, "resource_id"),
        ({"resource_id": "{a}"}, "resource_id"),
        ({"counter_type": ""}, "counter_type"),
        ({"counter_type": "Like"}, "counter_type"),
        ({"counter_type": "a" * 65}, "counter_type"),
        ({"counter_type": "a\x00"}, "counter_type"),
        ({"user_id": "x" * 129}, "user_id"),
        ({"idempotency_key": "x" * 129}, "idempotency_key"),
        ({"idempotency_key": "a b"}, "idempotency_key"),
        ({"idempotency_key": "é"}, "idempotency_key"),
        ({"idempotency_key": "a\x00"}, "idempotency_key"),
    ],
)
def test_a_broken_rule_is_named(rpc, fields, named):
    sent = {"resource_id": "r", "counter_type": "like", "delta": 1} | fields
    check_failure(failure(rpc.Increment, pb.IncrementRequest(**sent)), grpc.StatusCode.INVALID_ARGUMENT, named)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"])
@pytest.mark.parametrize(("number", "named"), [(1, "resource_id"), (3, "user_id")])
def test_invalid_utf_8_is_refused(channel, bad, number, named):
    """The generated classes would not even send it."""
    good = {1: b"r", 2: b"like", 3: b"u"} | {number: bad}
    payload = b"".join(field(key, data) for key, data in good.items()) + b"\x20\x01"
    with pytest.raises(grpc.RpcError) as caught:
        raw_call(channel, "Increment", payload)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert named in caught.value.details()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "payload", [b"\xff" * 20, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05ab", b"\x07", bytes(range(256)) * 40]
)
def test_garbage_for_a_message_is_refused(channel, rpc, resource, method, payload):
    with pytest.raises(grpc.RpcError) as caught:
        raw_call(channel, method, payload)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT, caught.value
    assert rpc.Increment(request(resource), timeout=5).value == 1


@pytest.mark.parametrize("method", [method for method in METHODS if method not in ("OpenSession", "Describe")])
def test_an_empty_message_is_refused(channel, method):
    with pytest.raises(grpc.RpcError) as caught:
        raw_call(channel, method, b"")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT, caught.value


def test_unknown_fields_of_a_message_are_passed_over(channel, resource):
    """As protobuf asks, so that a newer client can talk to an older service."""
    payload = field(1, resource.encode()) + field(2, b"like") + b"\x20\x05" + field(14, b"new")
    assert pb.IncrementResponse.FromString(raw_call(channel, "Increment", payload)).value == 5


def test_a_repeated_key_is_replayed(rpc, resource):
    assert rpc.Increment(request(resource, 7, idempotency_key="k"), timeout=5).value == 7
    rpc.Increment(request(resource, 100), timeout=5)
    reply = rpc.Increment(request(resource, 7, idempotency_key="k"), timeout=5)
    assert (reply.value, reply.replayed) == (7, True)
    error = failure(rpc.Increment, request(resource, 8, idempotency_key="k"))
    check_failure(error, grpc.StatusCode.ALREADY_EXISTS)
    error = failure(rpc.Increment, request(resource, 7, idempotency_key="k", user_id="u"))
    check_failure(error, grpc.StatusCode.ALREADY_EXISTS)
    assert value_of(rpc, resource) == 107


def test_the_1001st_counter_type_is_refused(rpc, resource):
    fill_counter_types(rpc, resource, 1000)
    error = failure(rpc.Increment, request(resource, counter_type="one-more"))
    check_failure(error, grpc.StatusCode.FAILED_PRECONDITION)
    assert value_of(rpc, resource, "one-more") == 0


# --- BatchIncrement


def batch(rpc, items):
    return rpc.BatchIncrement(pb.BatchIncrementRequest(items=items), timeout=10)


def test_a_batch_answers_each_item_in_order(rpc, resource):
    reply = batch(rpc, [request(resource, step) for step in (1, 10, -100)])
    assert [result.value for result in reply.results] == [1, 11, -89]
    assert all(result.code == 0 and result.message == "" for result in reply.results)


def test_the_errors_of_items_carry_code_message_and_reason(stack, rpc, resource):
    full, damaged, at_max = f"{resource}-full", f"{resource}-damaged", f"{resource}-max"
    fill_counter_types(rpc, full, 1000)
    set_value(rpc, at_max, INT64_MAX)
    stack.redis.call("HSET", f"tally:{{p0}}:c:{damaged}", "like", "junk")
    rpc.Increment(request(resource, 3, idempotency_key="k"), timeout=5)
    items = [
        (request(resource, 1), 0, ""),
        (request(resource, 0), INVALID_ARGUMENT, "delta"),
        (request("", 1), INVALID_ARGUMENT, "resource_id"),
        (request(at_max, 1), OUT_OF_RANGE, ""),
        (request(resource, 4, idempotency_key="k"), ALREADY_EXISTS, ""),
        (request(full, 1, "one-more"), FAILED_PRECONDITION, ""),
        (request(damaged, 1), FAILED_PRECONDITION, ""),
        (request(resource, 1), 0, ""),
    ]
    results = batch(rpc, [item for item, _, _ in items]).results
    for (_, code, named), result in zip(items, results, strict=True):
        assert result.code == code, result
        assert named in result.message and bool(result.message) == bool(code), result
    assert results[5].reason == pb.TOO_MANY_COUNTER_TYPES
    assert results[6].reason == pb.DATA_DAMAGED
    assert (results[0].value, results[7].value) == (4, 5)


def test_a_batch_of_one_to_a_thousand_items_is_taken(rpc, resource):
    assert len(batch(rpc, [request(resource)]).results) == 1
    assert batch(rpc, [request(resource)] * 1000).results[-1].value == 1001
    for count in (0, 1001):
        with pytest.raises(grpc.RpcError) as caught:
            batch(rpc, [request(resource)] * count)
        check_failure(caught.value, grpc.StatusCode.INVALID_ARGUMENT, "items")
    assert value_of(rpc, resource) == 1001


@pytest.mark.parametrize("length", [1, 15, 16, 17])
def test_a_batch_id_is_refused_and_not_ignored(rpc, resource, length):
    """Of earlier versions; who sends one relies on it."""
    with pytest.raises(grpc.RpcError) as caught:
        rpc.BatchIncrement(pb.BatchIncrementRequest(batch_id=b"x" * length, items=[request(resource)]), timeout=10)
    check_failure(caught.value, grpc.StatusCode.UNAVAILABLE, "batch_id")
    assert value_of(rpc, resource) == 0


# --- reads


def test_a_counter_never_written_is_zero(rpc, resource):
    assert value_of(rpc, resource) == 0
    assert list(rpc.ListCounters(pb.ListCountersRequest(resource_id=resource), timeout=5).counters) == []


def test_counters_are_listed_by_type(rpc, resource):
    for counter_type, delta in (("view", 2), ("a.b", INT64_MIN), ("like", INT64_MAX)):
        rpc.Increment(request(resource, delta, counter_type), timeout=5)
    counters = rpc.ListCounters(pb.ListCountersRequest(resource_id=resource), timeout=5).counters
    assert [(one.counter_type, one.value) for one in counters] == [("a.b", INT64_MIN), ("like", INT64_MAX), ("view", 2)]


def test_a_batch_of_reads_answers_each_query_in_order(rpc, resource):
    set_value(rpc, resource, INT64_MAX)
    names = [resource, "", resource + "x", resource]
    queries = [pb.GetRequest(resource_id=name, counter_type="like") for name in names]
    results = rpc.BatchGet(pb.BatchGetRequest(queries=queries), timeout=5).results
    assert [(result.code, result.value) for result in results] == [
        (0, INT64_MAX), (INVALID_ARGUMENT, 0), (0, 0), (0, INT64_MAX),
    ]  # fmt: skip
    assert "resource_id" in results[1].message


def test_a_batch_of_reads_is_one_to_a_thousand(rpc, resource):
    query = pb.GetRequest(resource_id=resource, counter_type="like")
    assert len(rpc.BatchGet(pb.BatchGetRequest(queries=[query] * 1000), timeout=10).results) == 1000
    for count in (0, 1001):
        error = failure(rpc.BatchGet, pb.BatchGetRequest(queries=[query] * count))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and "queries" in error.details()


@pytest.mark.parametrize(("resource_id", "counter_type"), [("", "like"), ("{", "like"), ("r", ""), ("r", "Like")])
def test_a_read_of_a_bad_name_is_refused(rpc, resource_id, counter_type):
    error = failure(rpc.Get, pb.GetRequest(resource_id=resource_id, counter_type=counter_type))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    if counter_type == "like":
        error = failure(rpc.ListCounters, pb.ListCountersRequest(resource_id=resource_id))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_damaged_data_is_a_failed_precondition(stack, rpc, resource):
    stack.redis.call("SET", f"tally:{{p0}}:c:{resource}", "junk")
    error = failure(rpc.Get, pb.GetRequest(resource_id=resource, counter_type="like"))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    error = failure(rpc.ListCounters, pb.ListCountersRequest(resource_id=resource))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    check_failure(failure(rpc.Increment, request(resource)), grpc.StatusCode.FAILED_PRECONDITION)


# --- the protocol


@pytest.mark.parametrize(
    "method", [f"/{SERVICE}/Nothing", "/tally.v1.Other/Increment", "/x", f"/{SERVICE}/TopCounters2"]
)
def test_an_unknown_method_is_unimplemented_at_once(channel, method):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(method)(b"", timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED  # and not DEADLINE_EXCEEDED
    assert outcome(caught.value) == "not_applied"


def test_many_unknown_methods_do_not_disturb_the_others(channel, rpc, resource):
    calls = [channel.unary_unary(f"/{SERVICE}/No{number}").future(b"", timeout=10) for number in range(500)]
    assert rpc.Increment(request(resource), timeout=5).value == 1
    assert {call.code() for call in calls} == {grpc.StatusCode.UNIMPLEMENTED}


def test_a_message_over_the_bound_is_refused(channel, rpc, resource):
    with pytest.raises(grpc.RpcError) as caught:
        raw_call(channel, "Increment", b"\x0a" + b"x" * (3 * 1024 * 1024))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert rpc.Increment(request(resource), timeout=5).value == 1


def test_calls_given_up_at_once_leave_the_service_well(stack, resource):
    with stack.service.channel() as channel:
        stub = CounterServiceStub(channel)
        for _ in range(300):
            stub.Increment.future(request(resource), timeout=5).cancel()
    for _ in range(50):
        with stack.service.channel() as channel:
            CounterServiceStub(channel).Increment.future(request(resource), timeout=5)
    with stack.service.channel() as channel:
        stub = CounterServiceStub(channel)
        assert 0 < stub.Increment(request(resource), timeout=5).value <= 351


def test_a_deadline_already_short_is_kept(rpc, resource):
    for _ in range(20):
        try:
            rpc.Increment(request(resource), timeout=0.0005)
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE), error
    assert 0 <= value_of(rpc, resource) <= 20


def test_keep_alive_pings_of_a_quiet_client_are_accepted(stack, resource):
    """A server that counts pings gives up on the fourth that came too early. With the usual 30 s that would take two
    minutes; the service is to take much more frequent ones."""
    options = [
        ("grpc.keepalive_time_ms", 2_000), ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0),
    ]  # fmt: skip
    states = []
    with stack.service.channel(*options) as channel:
        channel.subscribe(states.append)
        stub = CounterServiceStub(channel)
        assert stub.Increment(request(resource), timeout=5).value == 1
        time.sleep(13)
        assert stub.Increment(request(resource), timeout=5).value == 2
    assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states
    assert states.count(grpc.ChannelConnectivity.READY) == 1, states


def test_many_clients_at_once_are_served(stack, resource):
    errors = []

    def run():
        try:
            with stack.service.channel() as channel:
                stub = CounterServiceStub(channel)
                for _ in range(50):
                    stub.Increment(request(resource), timeout=10)
        except grpc.RpcError as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    with stack.service.channel() as channel:
        assert value_of(CounterServiceStub(channel), resource) == 1000
