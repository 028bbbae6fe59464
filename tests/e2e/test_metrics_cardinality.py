"""Labels are bounded sets, whatever callers send: thousands of values that nobody has seen make no series.

Each round sends the same kinds of requests with values of its own, so the second one must find every series that it
needs already there; and every label is one of a set that is written down here.
"""

import functools
import itertools
import random
from urllib.parse import quote

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from harness.calls import INCREMENT, INCREMENT_BATCH, READ_BATCH, item
from harness.exposition import scrape
from harness.http_client import NO_BODY, ConnectionLost, HttpConnection
from harness.paths import OPENAPI
from harness.stubs import METHODS, SERVICE, CounterServiceStub, pb

REQUESTS = 2500  # a round and program
CALLS = 1500

PATHS = set(yaml.safe_load(OPENAPI.read_text())["paths"])
PROFILES = {"/debug/pprof/" + name for name in ("", "profile", "heap", "cmdline")}
CODES = {code.name for code in grpc.StatusCode}
ALLOWED = {
    "route": PATHS | PROFILES | {"unmatched"},
    "method": {"GET", "HEAD", "POST", "OPTIONS", "other"},
    "status": {str(status) for status in (200, 204, 400, 403, 404, 405, 409, 413, 415, 422, 500, 501, 503, 504)},
    "outcome": {"applied", "replayed", "not_applied", "unknown"},
    "reason": {"max_pending", "out_of_memory", "max_body_memory", "not_in_time"},
    "rpc": set(METHODS) | {"HealthCheck", "HealthWatch", "Reflection", "ReflectionV1Alpha", "other"},
    "code": CODES,
    "result": {"hit", "miss", "wait", "bypass"},
    "state": {"idle", "connecting", "ready", "transient_failure", "closed", "half_open", "open", "given_up"},
    "op": {"write", "list", "ranking", "read", "session", "heartbeat", "handshake"},
    "kind": {"cpu", "heap"},
    "partition": {"0"},
    "program": {"gateway", "counter-service"},
}

# What ends a label, a line or a format string; what looks like a number, a template or another script.
SPICES = [
    "", '"', '"} 1\ntally_forged_total 1\n', "\\", "\\n", "{le=\"1\"}", "%s%n", "\x00", "\r\n", "\x7f", "../..", "#",
    "?a=b", "é", "\u202e", "\U0001f4a9", "ä" * 80, "x" * 300, "NaN", "-1", "9" * 30, "{resource_id}",
    "other", "unmatched",
]  # fmt: skip


def words(seed):
    """Values that never repeat, in a round or between rounds."""
    draw = random.Random(seed)
    return (f"hostile{seed}x{number}{draw.choice(SPICES)}" for number in itertools.count())


def token(word):
    """What may be a method or the name of a header field."""
    return "".join(c for c in word if c.isascii() and c.isalnum())[:60]


def field(word):
    return "".join(c for c in word if c.isprintable())


KINDS = [
    lambda w: ("GET", "/" + quote(w, safe="")),
    lambda w: ("GET", "/" + quote(w)),
    lambda w: ("GET", "/metrics/" + quote(w)),
    lambda w: ("GET", "/metrics?" + quote(w) + "=" + quote(w)),
    lambda w: ("GET", "/debug/pprof/" + quote(w)),
    lambda w: ("GET", "/api/v1/counter/" + quote(w, safe="")),
    lambda w: ("GET", "/api/v1/counter/r/" + quote(w, safe="")),
    lambda w: ("GET", "/api/v1/counter/" + quote(w, safe="") + "/" + quote(w, safe="")),
    lambda w: ("GET", "/api/v1/rankings/" + quote(w, safe="")),
    lambda w: ("GET", "/api/v1/rankings/like/" + quote(w, safe="") + "?window=" + quote(w)),
    lambda w: ("GET", "http://" + token(w) + "/health"),
    lambda w: (token(w).upper(), "/health"),
    lambda w: (token(w).lower(), INCREMENT),
    lambda w: ("OPTIONS", "/" + quote(w, safe="")),
    lambda w: ("HEAD", "/" + quote(w, safe="")),
    lambda w: ("POST", "/" + quote(w, safe=""), {"a": w}),
    lambda w: ("POST", INCREMENT, item("cardinality", w)),
    lambda w: ("POST", INCREMENT, item(w, "like", user_id=w[:100])),
    lambda w: ("POST", INCREMENT, item("cardinality") | {w: w}),
    lambda w: ("POST", INCREMENT, item("cardinality"), [("Idempotency-Key", field(w))]),
    lambda w: ("POST", INCREMENT, item("cardinality"), [("Content-Type", "x/" + token(w))]),
    lambda w: ("POST", INCREMENT_BATCH, {"increments": [item("cardinality", w), item(w)]}),
    lambda w: ("POST", READ_BATCH, {"queries": [{"resource_id": w, "counter_type": w[:60]}]}),
    lambda w: ("GET", "/health", NO_BODY, [(token(w), field(w))]),
    lambda w: ("GET", "/health", NO_BODY, [("X-Request-Id", field(w)), ("Origin", field(w))]),
    lambda w: ("GET", "/health", NO_BODY, [("traceparent", field(w)), ("tracestate", field(w))]),
    lambda w: ("GET", "/metrics", NO_BODY, [("Accept", field(w) + ", application/openmetrics-text")]),
]


def send_http(daemon, seed, count):
    """Requests of all kinds, one after another; a connection that is closed is made again."""
    connection = None
    for kind, word in itertools.islice(zip(itertools.cycle(KINDS), words(seed), strict=False), count):
        connection = connection or HttpConnection(daemon.http_port)
        try:
            response = connection.request(*kind(word))
            is_over = response.closes
        except ConnectionLost:
            is_over = True
        if is_over:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()


def raw_call(channel, path, message=b""):
    return channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes), message


def calls_of(channel, word):
    """Of every kind, a call and its message."""
    stub = CounterServiceStub(channel)
    name = token(word)
    text = word.encode("utf-8", "replace").decode()
    yield raw_call(channel, f"/{SERVICE}/{name}")
    yield raw_call(channel, f"/{name}/Increment")
    yield raw_call(channel, f"/{name}")
    yield raw_call(channel, f"/{SERVICE}/Increment/{name}")
    yield raw_call(channel, f"/{SERVICE}/Increment", text.encode())
    yield stub.Increment, pb.IncrementRequest(resource_id="cardinality", counter_type=text, delta=1)
    yield stub.Increment, pb.IncrementRequest(resource_id=text, counter_type="like", delta=1, idempotency_key=text)
    yield stub.Get, pb.GetRequest(resource_id="cardinality", counter_type=text)
    yield stub.ListCounters, pb.ListCountersRequest(resource_id=text)
    yield stub.TopCounters, pb.TopCountersRequest(counter_type=text)
    yield health_pb2_grpc.HealthStub(channel).Check, health_pb2.HealthCheckRequest(service=text)


def send_grpc(service, seed, count):
    with service.channel() as channel:
        made = itertools.chain.from_iterable(calls_of(channel, word) for word in words(seed))
        for number, (call, message) in enumerate(itertools.islice(made, count)):
            metadata = [(f"hostile-{seed}-{number}", str(number))]
            try:
                call(message, timeout=10, metadata=metadata)
            except grpc.RpcError as error:
                assert error.code() != grpc.StatusCode.DEADLINE_EXCEEDED, error


def series_of(daemon):
    return {(name, *sorted(labels.items())) for name, labels, _ in scrape(daemon).samples}


def check_labels(daemon, stack):
    exposition = scrape(daemon)
    allowed = ALLOWED | {"instance": {stack.service.address}}
    for name, labels, _ in exposition.samples:
        for label, value in labels.items():
            if label in ("le", "version"):
                continue
            assert value in allowed[label], f"{daemon.name}: {name} has {label}={value!r}"
    assert exposition.sum("tally_metrics_series_refused_total") == 0
    assert "hostile" not in daemon.get("/metrics").body.decode().lower()


def is_new(daemon, send):
    """The series that only the second round made."""
    send(seed=1)
    before = series_of(daemon)
    send(seed=2)
    return series_of(daemon) - before


def test_the_gateway_has_no_series_more_after_thousands_of_hostile_requests(stack):
    assert not is_new(stack.gateway, functools.partial(send_http, stack.gateway, count=REQUESTS))
    check_labels(stack.gateway, stack)
    check_labels(stack.service, stack)
    # Those that are no request at all are not counted.
    assert scrape(stack.gateway).sum("tally_http_requests_total") > REQUESTS
    requests = {series for series in series_of(stack.gateway) if series[0] == "tally_http_requests_total"}
    assert len(requests) < len(ALLOWED["route"]) * 10


def test_the_services_admin_port_has_no_series_more_either(stack):
    assert not is_new(stack.service, functools.partial(send_http, stack.service, count=REQUESTS))
    check_labels(stack.service, stack)


def test_the_service_has_no_series_more_after_thousands_of_hostile_calls(stack):
    assert not is_new(stack.service, functools.partial(send_grpc, stack.service, count=CALLS))
    check_labels(stack.service, stack)
    exposition = scrape(stack.service)
    assert exposition.sum("tally_rpc_server_requests_total", rpc="other", code="UNIMPLEMENTED") >= 2 * CALLS * 3 // 11
    calls = {series for series in series_of(stack.service) if series[0] == "tally_rpc_server_requests_total"}
    assert len(calls) <= len(ALLOWED["rpc"]) * len(CODES)


@pytest.mark.parametrize("port", ["port", "admin_port"])
def test_bytes_that_are_no_protocol_make_no_series(stack, port):
    before = series_of(stack.service)
    draw = random.Random(3)
    for _ in range(200):
        with HttpConnection(getattr(stack.service, port)) as connection:
            connection.send(draw.randbytes(draw.randrange(1, 300)) + b"\r\n\r\n")
    assert series_of(stack.service) == before
