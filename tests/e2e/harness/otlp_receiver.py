"""A collector of traces: OTLP over HTTP, with the official Python classes. What is not as the specification says is
refused, and fails the test at the end."""

import gzip
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.trace.v1 import trace_pb2

from harness.ports import free_port
from harness.wait import wait_until

_BODY_MAX = 20 * 1024 * 1024
_KINDS = {number: name.removeprefix("SPAN_KIND_").lower() for name, number in trace_pb2.Span.SpanKind.items()}


@dataclass(frozen=True)
class Request:
    """One POST, taken or not."""

    status: int  # of the answer
    headers: dict  # names in lower case
    body: bytes  # as it came


@dataclass(frozen=True)
class Link:
    trace_id: str
    span_id: str


@dataclass(frozen=True)
class Span:
    """Ids are hexadecimal digits; parent_id is "" for none."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str  # "internal", "server", "client", "producer", "consumer"
    start_ns: int
    end_ns: int
    state: str
    flags: int
    attributes: dict
    links: tuple
    failed: bool
    failure: str
    resource: dict
    scope: str

    @property
    def has_remote_parent(self):
        return bool(self.flags & trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)

    @property
    def service(self):
        return self.resource["service.name"]


@dataclass
class _State:
    requests: list = field(default_factory=list)
    resource_spans: list = field(default_factory=list)
    spans: list = field(default_factory=list)
    answers: list = field(default_factory=list)  # of the next requests
    problems: list = field(default_factory=list)


class Malformed(Exception):
    """What a request breaks."""


class OtlpReceiver:
    """Listens from the start. answer_next(503, 503): so the next two requests are answered, and their spans are not
    kept; status 200 with rejected=N keeps all and says that N were rejected."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self._lock = threading.Lock()
        self._state = _State()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler_class())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def endpoint(self):
        """For tracing.endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self):
        with self._lock:
            return list(self._state.requests)

    @property
    def resource_spans(self):
        """ResourceSpans, as the official class has them."""
        with self._lock:
            return list(self._state.resource_spans)

    @property
    def spans(self):
        """All that were taken, in the order in which they came."""
        with self._lock:
            return list(self._state.spans)

    def trace(self, trace_id):
        return [span for span in self.spans if span.trace_id == trace_id]

    def clear(self):
        with self._lock:
            self._state = _State(problems=self._state.problems)

    def answer_next(self, *statuses, retry_after=None, rejected=0, message=""):
        with self._lock:
            self._state.answers += [(status, retry_after, rejected, message) for status in statuses]

    def wait_for(self, predicate, seconds=20, what="spans"):
        """What predicate(spans) returns, when that is true."""
        return wait_until(lambda: predicate(self.spans), seconds, what)

    def wait_for_requests(self, count, seconds=20):
        return wait_until(lambda: len(self.requests) >= count and self.requests, seconds, f"{count} requests")

    def forgive(self):
        """What was malformed until now does not fail the test."""
        self._state.problems.clear()

    def close(self):
        """Fails the test if anything malformed came."""
        self._server.shutdown()
        self._server.server_close()
        assert not self._state.problems, f"refused: {self._state.problems}"

    # ---- a request, on a thread of the server ----

    def _take(self, path, headers, body):
        """Returns status, more headers, body of the answer."""
        try:
            message = _read(path, headers, body)
            spans = [span for of_resource in message.resource_spans for span in _flatten(of_resource)]
        except Malformed as problem:
            with self._lock:
                self._state.problems.append(str(problem))
                self._state.requests.append(Request(400, headers, body))
            return 400, {}, b""
        with self._lock:
            state = self._state
            status, retry_after, rejected, text = state.answers.pop(0) if state.answers else (200, None, 0, "")
            state.requests.append(Request(status, headers, body))
            if status == 200:
                state.resource_spans += message.resource_spans
                state.spans += spans
        response = service.ExportTraceServiceResponse()
        if rejected or text:
            response.partial_success.rejected_spans = rejected
            response.partial_success.error_message = text
        more = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return status, more, response.SerializeToString() if status == 200 else b""

    def _handler_class(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):  # noqa: N802, the base class's name
                length = int(self.headers.get("Content-Length", -1))
                body = self.rfile.read(length) if 0 <= length <= _BODY_MAX else b""
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, more, answer = receiver._take(self.path, headers, body)
                self.send_response(status)
                for name, value in {"Content-Type": "application/x-protobuf", **more}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler


# ---- what must be so ----


def _require(condition, problem):
    if not condition:
        raise Malformed(problem)


def _read(path, headers, body):
    _require(path == "/v1/traces", f"path {path}")
    _require(headers.get("content-type") == "application/x-protobuf", f"headers {headers}")
    if headers.get("content-encoding") == "gzip":
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError) as error:
            raise Malformed(f"gzip: {error}") from error
    else:
        _require("content-encoding" not in headers, f"headers {headers}")
    message = service.ExportTraceServiceRequest()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise Malformed(f"protobuf: {error}") from error
    _require(message.resource_spans, "no spans")
    return message


def _value(value):
    kind = value.WhichOneof("value")
    _require(kind in ("string_value", "bool_value", "int_value", "double_value"), f"value of kind {kind}")
    return getattr(value, kind)


def _attributes(pairs):
    attributes = {pair.key: _value(pair.value) for pair in pairs}
    _require(len(attributes) == len(pairs), f"a key twice: {[pair.key for pair in pairs]}")
    _require(all(attributes), "an empty key")
    return attributes


def _flatten(of_resource):
    resource = _attributes(of_resource.resource.attributes)
    _require(resource.get("service.name"), f"no service.name: {resource}")
    for of_scope in of_resource.scope_spans:
        _require(of_scope.spans, "a scope without spans")
        for span in of_scope.spans:
            yield _span(span, resource, of_scope.scope.name)


def _span(span, resource, scope):
    _require(len(span.trace_id) == 16 and any(span.trace_id), f"trace_id {span.trace_id.hex()}")
    _require(len(span.span_id) == 8 and any(span.span_id), f"span_id {span.span_id.hex()}")
    _require(len(span.parent_span_id) in (0, 8), f"parent_span_id {span.parent_span_id.hex()}")
    _require(not span.parent_span_id or any(span.parent_span_id), "parent_span_id of zeros")
    _require(span.parent_span_id != span.span_id, f"{span.name}: its own parent")
    _require(span.name, "a span without a name")
    _require(span.kind in _KINDS and span.kind != 0, f"{span.name}: kind {span.kind}")
    _require(0 < span.start_time_unix_nano <= span.end_time_unix_nano, f"{span.name}: ends before it starts")
    for link in span.links:
        _require(len(link.trace_id) == 16 and any(link.trace_id), f"{span.name}: link to trace {link.trace_id.hex()}")
        _require(len(link.span_id) == 8 and any(link.span_id), f"{span.name}: link to span {link.span_id.hex()}")
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=_KINDS[span.kind],
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        state=span.trace_state,
        flags=span.flags,
        attributes=_attributes(span.attributes),
        links=tuple(Link(link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        failure=span.status.message,
        resource=resource,
        scope=scope,
    )
