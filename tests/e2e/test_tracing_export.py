"""Where spans go: the receiver that other tests of traces use, a real Jaeger, and what the programs say of both."""

import gzip
import os
import secrets
import time

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

from harness import http_client
from harness.calls import INCREMENT, item
from harness.ports import free_port


def message_of(trace_id, name="GET /x", **fields):
    message = service.ExportTraceServiceRequest()
    of_resource = message.resource_spans.add()
    of_resource.resource.attributes.add(key="service.name").value.string_value = "test"
    span = of_resource.scope_spans.add().spans.add(trace_id=trace_id, span_id=os.urandom(8), name=name, kind=2)
    span.start_time_unix_nano = time.time_ns() - 1000
    span.end_time_unix_nano = time.time_ns()
    span.attributes.add(key="http.response.status_code").value.int_value = 200
    for field, value in fields.items():
        setattr(span, field, value)
    return message


def post(port, body, **headers):
    sent = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **headers}
    return http_client.request(port, "POST", "/v1/traces", gzip.compress(body), list(sent.items()))


def test_the_receiver_keeps_what_it_takes(receiver):
    trace_id = os.urandom(16)
    assert post(receiver.port, message_of(trace_id).SerializeToString()).status == 200
    (span,) = receiver.wait_for(lambda spans: spans)
    assert (span.trace_id, span.parent_id, span.kind) == (trace_id.hex(), "", "server")
    assert span.attributes == {"http.response.status_code": 200}
    assert span.resource == {"service.name": "test"}
    assert not span.failed and not span.has_remote_parent
    assert receiver.trace(trace_id.hex()) == [span]


def test_the_receiver_answers_as_it_is_told(receiver):
    body = message_of(os.urandom(16)).SerializeToString()
    receiver.answer_next(503, 429, retry_after=7)
    receiver.answer_next(200, rejected=1, message="too old")
    assert [post(receiver.port, body).status for _ in range(4)] == [503, 429, 200, 200]
    assert [request.status for request in receiver.requests] == [503, 429, 200, 200]
    assert len(receiver.spans) == 2


@pytest.mark.parametrize(
    "problem, body, headers",
    [
        ("protobuf", b"\xff\xff", {}),
        ("no spans", b"", {}),
        ("trace_id", message_of(bytes(16)).SerializeToString(), {}),
        ("parent_span_id", message_of(os.urandom(16), parent_span_id=bytes(8)).SerializeToString(), {}),
        ("kind 0", message_of(os.urandom(16), kind=0).SerializeToString(), {}),
        ("ends before", message_of(os.urandom(16), end_time_unix_nano=1).SerializeToString(), {}),
        ("headers", message_of(os.urandom(16)).SerializeToString(), {"Content-Type": "application/json"}),
    ],
)
def test_the_receiver_refuses_what_is_malformed(receiver, problem, body, headers):
    assert post(receiver.port, body, **headers).status == 400
    assert not receiver.spans
    with pytest.raises(AssertionError, match=problem):
        receiver.close()
    receiver.forgive()


def test_jaeger_shows_what_it_was_sent(jaeger):
    trace_id = os.urandom(16)
    assert post(jaeger.otlp_port, message_of(trace_id, name="GET /shown").SerializeToString()).status == 200
    trace = jaeger.wait_trace(trace_id.hex())
    assert [span["operationName"] for span in trace["spans"]] == ["GET /shown"]
    assert jaeger.services() == ["test"]
    assert jaeger.trace(os.urandom(16).hex()) is None


# ---- the programs ----

PARENT_ID = "00f067aa0ba902b7"


def traced(stack, resource):
    """Has a request traced that counts; returns the trace's id."""
    trace_id = secrets.token_hex(16)
    answer = stack.gateway.post(INCREMENT, item(resource), [("traceparent", f"00-{trace_id}-{PARENT_ID}-01")])
    assert answer.status == 200
    return trace_id


def of_both(endpoint):
    return {"gateway": {"TRACING_ENDPOINT": endpoint}, "service": {"TRACING_ENDPOINT": endpoint}}


def test_a_request_shows_in_jaeger_as_one_trace_of_both_programs(start_stack, jaeger, resource):
    stack = start_stack(**of_both(jaeger.endpoint))
    trace = jaeger.wait_trace(traced(stack, resource), spans=5)
    assert {process["serviceName"] for process in trace["processes"].values()} == {
        "tally-gateway",
        "tally-counter-service",
    }
    spans = {span["spanID"] for span in trace["spans"]} | {PARENT_ID}
    parents = {
        reference["spanID"]
        for span in trace["spans"]
        for reference in span["references"]
        if reference["refType"] == "CHILD_OF"
    }
    assert parents <= spans
    # It has not seen the caller's span.
    warnings = [warning for span in trace["spans"] for warning in span["warnings"] or []]
    assert all(PARENT_ID in warning for warning in warnings), warnings


def test_the_same_bytes_come_again_when_the_collector_says_so(start_stack, receiver, resource):
    receiver.answer_next(503, 429, retry_after=1)
    stack = start_stack(gateway={"TRACING_ENDPOINT": receiver.endpoint})
    trace_id = traced(stack, resource)
    receiver.wait_for(lambda spans: receiver.trace(trace_id))
    first, second, third = receiver.wait_for_requests(3)[:3]
    assert (first.status, second.status, third.status) == (503, 429, 200)
    assert first.body == second.body == third.body


def test_a_collector_that_is_away_costs_no_request(start_stack, resource):
    endpoint = f"http://127.0.0.1:{free_port()}"
    stack = start_stack(gateway={"TRACING_ENDPOINT": endpoint, "TRACING_SAMPLE_RATIO": "1"})
    for _ in range(50):
        assert stack.gateway.post(INCREMENT, item(resource)).status == 200
    stack.gateway.wait_for_log("the collector does not answer")
    assert stack.gateway.get("/health/ready").status == 200
    stack.gateway.stop()
    assert stack.gateway.log().count("the collector does not answer") < 4


def test_the_variables_of_opentelemetry_are_heard(start_stack, receiver, resource, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2%2C3")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    stack = start_stack()
    trace_id = traced(stack, resource)
    receiver.wait_for(lambda spans: receiver.trace(trace_id))
    for span in receiver.spans:
        assert span.service == "mine"
        assert span.resource["deployment.environment.name"] == "test"
        assert span.resource.keys() >= {"service.version", "service.instance.id", "host.name", "process.pid"}
    assert {request.headers["api-key"] for request in receiver.requests} == {"hunter2,3"}


def test_a_malformed_variable_is_warned_of_and_not_repeated(start_stack, receiver, resource, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "a=b,c=%zz")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "localhost:4317")
    stack = start_stack(gateway={"TRACING_ENDPOINT": receiver.endpoint})
    trace_id = traced(stack, resource)
    receiver.wait_for(lambda spans: receiver.trace(trace_id))
    assert "a" not in receiver.spans[0].resource
    exporter = ("EXPORTER_OTLP_HEADERS", "EXPORTER_OTLP_TRACES_ENDPOINT", "EXPORTER_OTLP_PROTOCOL")
    for name in ("RESOURCE_ATTRIBUTES", *exporter):
        assert stack.gateway.log().count(f'"variable":"OTEL_{name}"') == 1
    assert "hunter2" not in stack.gateway.log()


def test_both_programs_say_where_spans_go(start_stack, receiver):
    stack = start_stack(
        gateway={"TRACING_ENDPOINT": receiver.endpoint}, service={"TRACING_ENDPOINT": f"{receiver.endpoint}/"}
    )
    for daemon in (stack.gateway, stack.service):
        daemon.wait_for_log(f'"msg":"spans are exported","component":"tracing","url":"{receiver.endpoint}/v1/traces"')
        daemon.stop()


def test_without_an_endpoint_nothing_is_started(stack):
    for daemon in (stack.gateway, stack.service):
        tasks = os.listdir(f"/proc/{daemon.pid}/task")
        names = [open(f"/proc/{daemon.pid}/task/{task}/comm", encoding="ascii").read().strip() for task in tasks]
        assert "otlp-exporter" not in names
        assert "tally_spans" not in daemon.get("/metrics").body.decode()
