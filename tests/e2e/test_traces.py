"""Traces of both programs, as a collector gets them and the official classes decode them."""

import contextlib
import itertools
import json
import secrets

import grpc
import pytest

from harness.calls import INCREMENT, INCREMENT_BATCH, READ_BATCH, counter_path, item
from harness.events import wait_published
from harness.exposition import scrape
from harness.http_client import NO_BODY, request_bytes
from harness.jaeger import Jaeger
from harness.otlp_receiver import Link, OtlpReceiver
from harness.stubs import CounterServiceStub, failure, pb
from harness.wait import wait_until

GATEWAY, SERVICE = "tally-gateway", "tally-counter-service"
SESSION_INCREMENT = "tally.v1.CounterService/SessionIncrement"
PARENT_ID = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def receiver():
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def tracing(receiver):
    return {"TRACING_ENDPOINT": receiver.endpoint, "TRACING_SAMPLE_RATIO": "0"}


@pytest.fixture(scope="module")
def stack(start_stack, tracing):
    return start_stack(
        service={**tracing, "RANKINGS": "[{counter_type: like, windows: [all]}]"},
        gateway={**tracing, "RANKINGS": "[{counter_type: like, windows: [all]}]"},
    )


@pytest.fixture
def trace_id():
    return secrets.token_hex(16)


def traceparent(trace_id, flags="01"):
    return f"00-{trace_id}-{PARENT_ID}-{flags}"


def headers(trace_id, flags="01", **more):
    return [("traceparent", traceparent(trace_id, flags)), *more.items()]


def trace_of(receiver, trace_id, count):
    """The spans of a trace, when there are so many: by name and program."""
    spans = receiver.wait_for(
        lambda spans: len(of_trace(spans, trace_id)) >= count and of_trace(spans, trace_id), 10
    )
    assert len(spans) == count, [span.name for span in spans]
    by_place = {(span.service, span.name): span for span in spans}
    assert len(by_place) == count, [span.name for span in spans]
    return by_place


def of_trace(spans, trace_id):
    return [span for span in spans if span.trace_id == trace_id]


def check_within(outer, inner):
    assert inner.parent_id == outer.span_id, (outer, inner)
    assert outer.start_ns <= inner.start_ns <= inner.end_ns, (outer, inner)
    assert inner.end_ns <= outer.end_ns + 1_000_000, (outer, inner)  # the clocks of two programs, by a microsecond


# ---- one request ----


def test_a_request_is_seen_on_its_whole_way(stack, receiver, trace_id):
    response = stack.gateway.post(
        INCREMENT, item("a"), headers(trace_id, tracestate="vendor=1,other=abc")
    )
    assert response.status == 200
    trace = trace_of(receiver, trace_id, 6)
    request = trace[GATEWAY, f"POST {INCREMENT}"]
    wait = trace[GATEWAY, "queue wait"]
    call = trace[GATEWAY, SESSION_INCREMENT]
    served = trace[SERVICE, SESSION_INCREMENT]
    store_wait = trace[SERVICE, "store wait"]
    exchange = trace[SERVICE, "EVALSHA"]

    assert request.parent_id == PARENT_ID and request.has_remote_parent
    for outer, inner in [(request, wait), (request, call), (call, served), (served, store_wait), (served, exchange)]:
        check_within(outer, inner)
    assert wait.end_ns == call.start_ns and store_wait.end_ns == exchange.start_ns
    kinds = [span.kind for span in (request, wait, call, served, store_wait, exchange)]
    assert kinds == ["server", "internal", "client", "server", "internal", "client"]
    assert served.has_remote_parent and not call.has_remote_parent
    assert all(span.state == "vendor=1,other=abc" for span in trace.values())
    assert not any(span.failed for span in trace.values())

    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": INCREMENT,
        "http.response.status_code": 200,
        "url.path": INCREMENT,
        "url.scheme": "http",
        "tally.items": 1,
    }
    rpc = {"rpc.system": "grpc", "rpc.service": "tally.v1.CounterService", "rpc.method": "SessionIncrement"}
    assert call.attributes == {**rpc, "rpc.grpc.status_code": 0, "tally.attempts": 1, "tally.items": 1}
    assert served.attributes == {**rpc, "rpc.grpc.status_code": 0}
    assert exchange.attributes == {
        "db.system": "redis",
        "db.operation.name": "EVALSHA",
        "db.operation.batch.size": 1,
    }
    assert request.resource["service.name"] == GATEWAY and served.resource["service.name"] == SERVICE
    assert request.resource["service.instance.id"] != served.resource["service.instance.id"]


def test_reads_are_seen_too(stack, receiver):
    stack.gateway.post(INCREMENT, item("read"))
    for method, path, body, rpc, command in [
        ("GET", counter_path("read", "like"), NO_BODY, "BatchGet", "HGET"),
        ("POST", READ_BATCH, {"queries": [item("read"), item("b")]}, "BatchGet", "HGET"),
        ("GET", counter_path("read"), NO_BODY, "ListCounters", "HGETALL"),
    ]:
        trace_id = secrets.token_hex(16)
        assert stack.gateway.request(method, path, body, headers(trace_id)).status == 200
        spans = receiver.wait_for(lambda spans, wanted=trace_id: len(of_trace(spans, wanted)) >= 5 and spans, 10)
        names = {(span.service, span.name) for span in of_trace(spans, trace_id)}
        method_name = f"tally.v1.CounterService/{rpc}"
        assert {(GATEWAY, method_name), (SERVICE, method_name), (SERVICE, command), (SERVICE, "store wait")} <= names


def test_a_ranking_is_seen(stack, receiver, trace_id):
    response = stack.gateway.request("GET", "/api/v1/rankings/like?window=all", headers=headers(trace_id))
    assert response.status == 200
    top = "tally.v1.CounterService/TopCounters"
    trace = trace_of(receiver, trace_id, 3)
    check_within(trace[GATEWAY, "GET /api/v1/rankings/{counter_type}"], trace[GATEWAY, top])
    check_within(trace[GATEWAY, top], trace[SERVICE, top])


# ---- batches ----


def send_together(gateway):
    """The gateway stands still while they come: so they leave together."""
    ids = [secrets.token_hex(16) for _ in range(41)]
    with contextlib.ExitStack() as ends:
        connections = [ends.enter_context(gateway.connection()) for _ in ids]
        for connection in connections:
            assert connection.request("GET", "/health/live").status == 200
        gateway.pause()
        for number, (connection, trace_id) in enumerate(zip(connections, ids, strict=True)):
            connection.send(request_bytes("POST", INCREMENT, item(f"batched-{number}"), headers(trace_id)))
        gateway.resume()
        assert all(connection.response().status == 200 for connection in connections)
    return ids


def test_a_request_among_others_has_its_own_trace_and_the_batch_links_them(stack, receiver):
    ids = send_together(stack.gateway)
    traces = {trace_id: trace_of(receiver, trace_id, 6) for trace_id in ids}
    batch = receiver.wait_for(lambda spans: next((span for span in spans if len(span.links) > 20), None), 10)
    assert batch.attributes["tally.items"] == len(batch.links)
    assert batch.trace_id not in traces and batch.parent_id == ""
    calls = [trace[GATEWAY, SESSION_INCREMENT] for trace in traces.values()]
    linked = [call for call in calls if Link(call.trace_id, call.span_id) in batch.links]
    assert len(linked) == len(batch.links)
    assert all(call.links == (Link(batch.trace_id, batch.span_id),) for call in linked)
    # The call as a whole is in the batch's trace.
    spans = receiver.wait_for(lambda spans: len(of_trace(spans, batch.trace_id)) == 4 and spans, 10)
    served = [span for span in of_trace(spans, batch.trace_id) if span.name == SESSION_INCREMENT]
    assert [span.parent_id for span in served] == [batch.span_id]


def test_a_batch_call_is_one_request(stack, receiver, trace_id):
    body = {"increments": [item(f"i{number}") for number in range(100)]}
    assert stack.gateway.post(INCREMENT_BATCH, body, headers(trace_id)).status == 200
    trace = trace_of(receiver, trace_id, 6)
    assert trace[GATEWAY, f"POST {INCREMENT_BATCH}"].attributes["tally.items"] == 100
    assert trace[SERVICE, "EVALSHA"].attributes["db.operation.batch.size"] == 100


# ---- what is traced ----


def nothing_comes(stack, receiver, trace_id):
    """Nothing of this trace had come when a later request's spans have."""
    mark = secrets.token_hex(16)
    stack.gateway.get(counter_path("mark", "like"), headers(mark))
    trace_of(receiver, mark, 6)
    return not receiver.trace(trace_id)


def test_a_caller_that_does_not_trace_is_not_traced(stack, receiver, trace_id):
    assert stack.gateway.post(INCREMENT, item("a"), headers(trace_id, flags="00")).status == 200
    assert nothing_comes(stack, receiver, trace_id)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "garbage",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        f"ff-{'a' * 32}-{PARENT_ID}-01",
        f"00-{'A' * 32}-{PARENT_ID}-01",
        f"00-{'a' * 32}-{PARENT_ID}-01-more",
        f"00-{'a' * 31}-{PARENT_ID}-01",
        "00-" + "a" * 3000,
    ],
)
def test_what_is_no_traceparent_is_passed_over(stack, receiver, value):
    assert stack.gateway.post(INCREMENT, item("a"), [("traceparent", value)]).status == 200
    assert nothing_comes(stack, receiver, "a" * 32)


def test_two_parents_are_none(stack, receiver, trace_id):
    assert stack.gateway.post(INCREMENT, item("a"), headers(trace_id) + headers(trace_id)).status == 200
    assert nothing_comes(stack, receiver, trace_id)


def test_fields_of_tracestate_are_one_list(stack, receiver, trace_id):
    states = [("tracestate", "a=1"), ("tracestate", "b=2")]
    assert stack.gateway.post(INCREMENT, item("a"), headers(trace_id) + states).status == 200
    assert all(span.state.replace(" ", "") == "a=1,b=2" for span in trace_of(receiver, trace_id, 6).values())


@pytest.mark.parametrize("state", ["no state", "a" * 600, "a=1," * 40, "=1"])
def test_a_tracestate_that_is_none_is_left_out(stack, receiver, trace_id, state):
    assert stack.gateway.post(INCREMENT, item("a"), headers(trace_id, tracestate=state)).status == 200
    assert all(span.state == "" for span in trace_of(receiver, trace_id, 6).values())


def test_by_ratio_a_request_without_a_parent_begins_a_trace(stack, receiver, tracing, trace_id):
    gateway = stack.extra_gateway(**tracing | {"TRACING_SAMPLE_RATIO": "1"})
    assert gateway.post(INCREMENT, item("ratio"), [("X-Request-Id", "r")]).status == 200
    name = f"POST {INCREMENT}"
    root = receiver.wait_for(lambda spans: next((s for s in spans if s.parent_id == "" and s.name == name), None), 10)
    trace = trace_of(receiver, root.trace_id, 6)
    check_within(trace[GATEWAY, SESSION_INCREMENT], trace[SERVICE, SESSION_INCREMENT])
    for path in ("/health", "/health/live", "/health/ready", "/metrics"):
        assert gateway.get(path, headers(trace_id)).status == 200
    assert nothing_comes(stack, receiver, trace_id)


def test_the_service_leaves_it_to_the_gateway_what_is_traced(start_stack, receiver, tracing, trace_id):
    """Its own callers' calls are traced by its ratio."""
    stack = start_stack(service=tracing | {"TRACING_SAMPLE_RATIO": "1"}, gateway=tracing)
    resource = secrets.token_hex(4)
    for _ in range(5):
        assert stack.gateway.post(INCREMENT, item(resource)).status == 200
    with stack.service.channel() as channel:
        CounterServiceStub(channel).Get(pb.GetRequest(resource_id=resource, counter_type="like"), timeout=5)
    name = "tally.v1.CounterService/Get"
    root = receiver.wait_for(lambda spans: next((s for s in spans if s.parent_id == "" and s.name == name), None), 10)
    (instance,) = {root.resource["service.instance.id"]}
    of_service = [span for span in receiver.spans if span.resource["service.instance.id"] == instance]
    assert {span.trace_id for span in of_service} == {root.trace_id}


def test_a_second_has_a_bound_of_traces(stack, receiver, tracing):
    gateway = stack.extra_gateway(**tracing | {"TRACING_MAX_PER_SECOND": "1"})
    ids = [secrets.token_hex(16) for _ in range(50)]
    for trace_id in ids:
        assert gateway.get(counter_path("a", "like"), headers(trace_id)).status == 200
    assert nothing_comes(stack, receiver, "0" * 32)
    wait_until(lambda: any(receiver.trace(trace_id) for trace_id in ids))
    traced = [trace_id for trace_id in ids if receiver.trace(trace_id)]
    assert len(traced) < 25, len(traced)


# ---- how requests end ----


def test_a_refusal_is_told_and_is_no_error(stack, receiver, trace_id):
    assert stack.gateway.post(INCREMENT, {"resource_id": "a"}, headers(trace_id)).status == 400
    (request,) = trace_of(receiver, trace_id, 1).values()
    assert request.attributes["http.response.status_code"] == 400 and not request.failed


def test_paths_and_methods_that_are_unknown_make_no_names(stack, receiver):
    for method, path in [("GET", "/no/such"), ("BREW", "/api/v1/counter/increment"), ("GET", "/%00%7f")]:
        trace_id = secrets.token_hex(16)
        assert stack.gateway.request(method, path, headers=headers(trace_id)).status in (400, 404, 405)
        (request,) = trace_of(receiver, trace_id, 1).values()
        assert request.name == ("_OTHER" if method == "BREW" else "GET"), request


def test_a_failure_is_an_error_in_each_step_that_saw_it(start_stack, receiver, tracing, trace_id):
    stack = start_stack(service=tracing, gateway={**tracing, "SERVER_REQUEST_TIMEOUT": "1s"})
    assert stack.gateway.post(INCREMENT, item("a")).status == 200
    stack.redis.pause()
    assert stack.gateway.post(INCREMENT, item("a"), headers(trace_id)).status == 504
    stack.redis.resume()
    spans = receiver.wait_for(lambda spans: len(of_trace(spans, trace_id)) >= 6 and of_trace(spans, trace_id), 20)
    errors = {(span.service, span.name) for span in spans if span.failed}
    assert {(GATEWAY, f"POST {INCREMENT}"), (GATEWAY, SESSION_INCREMENT)} <= errors
    request = next(span for span in spans if span.name == f"POST {INCREMENT}")
    assert request.attributes["error.type"] == "504"


# ---- gRPC callers ----


@pytest.fixture
def rpc(stack):
    with stack.service.channel() as channel:
        yield CounterServiceStub(channel)


def test_a_grpc_callers_metadata_are_heeded(rpc, receiver, trace_id):
    request = pb.IncrementRequest(resource_id="g", counter_type="like", delta=1)
    metadata = [("traceparent", traceparent(trace_id)), ("tracestate", "a=1")]
    rpc.Increment(request, timeout=5, metadata=metadata)
    trace = trace_of(receiver, trace_id, 3)
    served = trace[SERVICE, "tally.v1.CounterService/Increment"]
    assert served.parent_id == PARENT_ID and served.state == "a=1"
    check_within(served, trace[SERVICE, "EVALSHA"])


def test_a_grpc_callers_failure_is_told(rpc, receiver, trace_id):
    request = pb.IncrementRequest(resource_id="g", counter_type="like")
    error = failure(rpc.Increment, request, metadata=[("traceparent", traceparent(trace_id))])
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    (served,) = trace_of(receiver, trace_id, 1).values()
    assert not served.failed and served.attributes["rpc.grpc.status_code"] == 3


def test_items_of_a_grpc_batch_have_traces_of_their_own(rpc, receiver):
    ids = [secrets.token_hex(16) for _ in range(3)]
    traces = [pb.TraceContext(traceparent=traceparent(trace_id)) for trace_id in ids]
    items = [pb.IncrementRequest(resource_id="g", counter_type="like", delta=1, trace=trace) for trace in traces]
    items[1].delta = 0  # refused
    reply = rpc.BatchIncrement(pb.BatchIncrementRequest(items=items), timeout=5)
    assert [result.code for result in reply.results] == [0, 3, 0]
    for trace_id in (ids[0], ids[2]):
        trace = trace_of(receiver, trace_id, 3)
        assert trace[SERVICE, "tally.v1.CounterService/BatchIncrement"].parent_id == PARENT_ID
    assert not of_trace(receiver.spans, ids[1])


# ---- the collector is away ----


def test_without_a_collector_requests_are_answered_and_spans_counted(start_stack):
    away = {"TRACING_ENDPOINT": "http://127.0.0.1:1", "TRACING_SAMPLE_RATIO": "1", "TRACING_MAX_PER_SECOND": "1000000"}
    stack = start_stack(service=away, gateway=away)
    for _ in range(2500):  # 4 spans each, and 8192 have room
        assert stack.gateway.get(counter_path("a", "like")).status == 200
    assert stack.gateway.get("/health").status == 200
    wait_until(lambda: scrape(stack.gateway).sum("tally_spans_dropped_total") > 0)


# ---- where traces go on ----


def test_a_traced_increments_event_has_its_trace(kafka, start_stack, receiver, tracing, trace_id):
    topic = f"traced-{trace_id[:8]}"
    stack = start_stack(
        service={**tracing, "KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic, "KAFKA_PARTITIONS": "1"},
        gateway=tracing,
    )
    body = {"increments": [item("a"), item("b")]}
    assert stack.gateway.post(INCREMENT, item("untraced")).status == 200
    assert stack.gateway.post(INCREMENT, item("traced"), headers(trace_id, tracestate="a=1")).status == 200
    assert stack.gateway.post(INCREMENT_BATCH, body, headers(trace_id)).status == 200
    wait_published(stack.redis)
    events = {json.loads(message.value)["resource_id"]: message.headers for message in kafka.read_topic(topic)}
    served = trace_of_calls(receiver, trace_id)
    assert "traceparent" not in events["untraced"]
    assert events["traced"]["traceparent"].decode() in served and events["traced"]["tracestate"] == b"a=1"
    assert events["a"]["traceparent"].decode() in served and "tracestate" not in events["a"]
    assert events["b"]["traceparent"] == events["a"]["traceparent"]


def trace_of_calls(receiver, trace_id):
    """The traceparents of the service's spans of two calls."""

    def look(spans):
        served = [span for span in of_trace(spans, trace_id) if span.service == SERVICE]
        calls = [span for span in served if span.name == SESSION_INCREMENT]
        return len(calls) == 2 and [f"00-{trace_id}-{span.span_id}-01" for span in calls]

    return receiver.wait_for(look, 10)


def test_a_real_jaeger_shows_the_trace_and_its_links(start_stack, start_kind):
    jaeger = start_kind(Jaeger)
    tracing = {"TRACING_ENDPOINT": jaeger.endpoint, "TRACING_SAMPLE_RATIO": "0"}
    stack = start_stack(service=tracing, gateway=tracing)
    ids = send_together(stack.gateway)
    traces = [jaeger.wait_trace(trace_id, spans=6) for trace_id in ids]
    assert jaeger.services() == [SERVICE, GATEWAY]
    for trace in traces:
        programs = {number: process["serviceName"] for number, process in trace["processes"].items()}
        spans = {(programs[span["processID"]], span["operationName"]): span for span in trace["spans"]}
        in_gateway = [(GATEWAY, f"POST {INCREMENT}"), (GATEWAY, SESSION_INCREMENT)]
        way = [*in_gateway, (SERVICE, SESSION_INCREMENT), (SERVICE, "EVALSHA")]
        for outer, inner in itertools.pairwise(spans[step] for step in way):
            parents = [link["spanID"] for link in inner["references"] if link["refType"] == "CHILD_OF"]
            assert parents == [outer["spanID"]]
            assert outer["startTime"] <= inner["startTime"]
            assert inner["startTime"] + inner["duration"] <= outer["startTime"] + outer["duration"] + 1000
    calls = [span for trace in traces for span in trace["spans"] if len(span["references"]) == 2]
    batches = {link["traceID"] for span in calls for link in span["references"] if link["refType"] == "FOLLOWS_FROM"}
    linked = [span for batch in batches for span in jaeger.wait_trace(batch, spans=4)["spans"] if span["references"]]
    links = {link["spanID"] for span in linked for link in span["references"] if link["traceID"] in ids}
    assert links == {span["spanID"] for span in calls} and len(links) == len(ids)
