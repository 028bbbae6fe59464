"""Where spans go: the receiver that other tests of traces use, a real Jaeger, and what the programs say of both."""

import gzip
import os
import time

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

from harness import http_client


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
