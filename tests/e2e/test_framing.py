"""HTTP/1.1 on the wire: bodies in pieces, limits, pipelining, request smuggling, garbage. Literals: test_http11.py."""

import json
import random
import time

import pytest

from harness.calls import INCREMENT, INCREMENT_BATCH, READ_BATCH, item, read
from harness.http_client import request_bytes
from harness.literals import chunked
from harness.load import Load
from harness.problems import check_problem

KIB = 1024


def head(method, target, *lines):
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: tally", *lines, "", ""]).encode()


def body_of(resource, **fields):
    return json.dumps(item(resource, **fields)).encode()


CHUNKED_POST = head("POST", INCREMENT, "Content-Type: application/json", "Transfer-Encoding: chunked")


# --- bodies in pieces


def test_a_request_byte_by_byte_is_answered(gateway, resource):
    with gateway.connection() as connection:
        for byte in request_bytes("POST", INCREMENT, item(resource)):
            connection.send(bytes([byte]))
        assert connection.response().json()["value"] == 1


@pytest.mark.parametrize("pause", [0, 0.02])
def test_a_request_in_two_parts_is_answered_wherever_it_is_split(gateway, resource, pause):
    whole = request_bytes("POST", INCREMENT, item(resource))
    body_start = whole.index(b"\r\n\r\n") + 4
    with gateway.connection() as connection:
        for number, split in enumerate([1, 10, body_start - 3, body_start, body_start + 1, len(whole) - 1], 1):
            connection.send(whole[:split])
            time.sleep(pause)
            connection.send(whole[split:])
            assert connection.response().json()["value"] == number


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_chunked_body_is_read(gateway, resource, size):
    with gateway.connection() as connection:
        for number in range(1, 4):
            connection.send(CHUNKED_POST + chunked(body_of(resource), size))
            assert connection.response().json()["value"] == number


def test_a_large_body_in_small_pieces_is_read(gateway, resource):
    whole = request_bytes("POST", INCREMENT_BATCH, {"increments": [item(resource)] * 1000})
    with gateway.connection() as connection:
        for start in range(0, len(whole), 1000):
            connection.send(whole[start : start + 1000])
        assert connection.response().json()["results"][-1]["value"] == 1000


def test_expect_100_continue_is_answered_before_the_body(gateway, resource):
    body = body_of(resource)
    with gateway.connection() as connection:
        connection.send(
            head(
                "POST",
                INCREMENT,
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                "Expect: 100-continue",
            )
        )
        assert connection.response().status == 100
        connection.send(body)
        assert connection.response().json()["value"] == 1


def test_a_half_closed_client_is_still_answered(gateway, resource):
    with gateway.connection() as connection:
        connection.send(request_bytes("POST", INCREMENT, item(resource)))
        connection.end_sending()
        assert connection.response().json()["value"] == 1


def test_a_client_that_leaves_in_its_request_disturbs_nobody(gateway, resource):
    whole = request_bytes("POST", INCREMENT, item(resource))
    for split in (5, 60, len(whole) - 1, len(whole)):
        with gateway.connection() as connection:
            connection.send(whole[:split])
    assert gateway.get("/health/live").status == 200
    assert read(gateway, resource) in (0, 1)


# --- pipelining


def test_a_hundred_pipelined_increments_are_answered_in_order(gateway, resource):
    with gateway.connection() as connection:
        connection.send(request_bytes("POST", INCREMENT, item(resource)) * 100)
        assert [connection.response().json()["value"] for _ in range(100)] == list(range(1, 101))


def test_pipelined_requests_of_all_kinds_are_answered_in_order(gateway, resource):
    calls = [
        request_bytes("POST", INCREMENT, item(resource)),
        request_bytes("GET", f"/api/v1/counter/{resource}/like"),
        request_bytes("GET", "/nothing"),
        request_bytes("POST", INCREMENT, b"{"),
        request_bytes("POST", READ_BATCH, {"queries": [item(resource)]}),
    ]
    with gateway.connection() as connection:
        connection.send(b"".join(calls) * 10)
        for number in range(1, 11):
            assert connection.response().json()["value"] == number
            assert connection.response().json()["value"] == number
            assert connection.response().status == 404
            assert connection.response().status == 400
            assert connection.response().json()["results"][0]["value"] == number


def test_paced_requests_on_many_connections_do_not_stall(gateway, resource):
    connections = [gateway.connection() for _ in range(60)]
    slowest = 0
    for _ in range(5):
        for connection in connections:
            started = time.monotonic()
            assert connection.request("POST", INCREMENT, item(resource)).status == 200
            slowest = max(slowest, time.monotonic() - started)
            time.sleep(0.001)
    for connection in connections:
        connection.close()
    assert read(gateway, resource) == 300
    assert slowest < 5, f"an answer took {slowest} s"


# --- limits


def padded(resource, length):
    """An increment whose body has that many bytes."""
    body = body_of(resource)
    return body + b" " * (length - len(body))


def test_a_body_up_to_the_limit_is_taken(gateway, resource):
    assert gateway.post(INCREMENT, padded(resource, 64 * KIB)).json()["value"] == 1
    batch = json.dumps({"increments": [item(resource)]}).encode()
    assert gateway.post(INCREMENT_BATCH, batch.ljust(KIB * KIB)).json()["results"][0]["value"] == 2


@pytest.mark.parametrize(
    ("target", "limit"), [(INCREMENT, 64 * KIB), (INCREMENT_BATCH, KIB * KIB), (READ_BATCH, KIB * KIB)]
)
def test_a_content_length_over_the_limit_is_413_at_once(gateway, target, limit):
    with gateway.connection() as connection:
        connection.send(head("POST", target, "Content-Type: application/json", f"Content-Length: {limit + 1}"))
        response = connection.response()
        check_problem(response, 413, None if target == READ_BATCH else "not_applied")
        assert response.closes
        assert connection.is_closed_by_server()


def test_a_sent_body_over_the_limit_counts_nothing(gateway, resource):
    check_problem(gateway.post(INCREMENT, padded(resource, 64 * KIB + 1)), 413, "not_applied")
    assert read(gateway, resource) == 0


def test_a_chunked_body_up_to_the_limit_is_taken(gateway, resource):
    with gateway.connection() as connection:
        connection.send(CHUNKED_POST + chunked(padded(resource, 64 * KIB), 1000))
        assert connection.response().json()["value"] == 1


def test_a_chunked_body_over_the_limit_is_413(gateway, resource):
    with gateway.connection() as connection:
        connection.send(CHUNKED_POST + chunked(padded(resource, 64 * KIB + 1), 8 * KIB))
        check_problem(connection.response(), 413, "not_applied")
    assert read(gateway, resource) == 0


def test_a_chunked_body_without_end_is_cut_off(gateway):
    with gateway.connection() as connection:
        connection.send(CHUNKED_POST)
        sent = 0
        with pytest.raises(OSError):
            while sent < 64 * KIB * KIB:
                connection.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
                sent += 4096
    assert sent < 8 * KIB * KIB  # what the socket buffers hold, at most


def test_a_target_over_the_limit_is_414(gateway):
    response = gateway.get("/api/v1/counter/" + "x" * 20 * KIB)
    assert response.status == 414 and response.closes


def test_headers_over_the_limit_are_431(gateway):
    response = gateway.get("/health", [("X-Large", "x" * 20 * KIB)])
    assert response.status == 431 and response.closes


def test_many_small_headers_over_the_limit_are_431(gateway):
    response = gateway.get("/health", [(f"X-{number}", "x") for number in range(3000)])
    assert response.status == 431 and response.closes


def test_headers_of_usual_size_are_taken(gateway, resource):
    headers = [("Cookie", "c" * 2000), ("User-Agent", "a" * 300), ("X-Request-Id", "i" * 64)]
    assert gateway.post(INCREMENT, item(resource), headers).json()["value"] == 1


def test_another_http_version_is_refused(gateway):
    with gateway.connection() as connection:
        connection.send(b"GET /health HTTP/3.0\r\nHost: tally\r\n\r\n")
        assert connection.response().status == 505
        assert connection.is_closed_by_server()


def test_http_1_1_without_host_is_refused(gateway):
    with gateway.connection() as connection:
        connection.send(b"GET /health HTTP/1.1\r\n\r\n")
        assert connection.response().status == 400


# --- smuggling: what two parsers could frame differently is refused, closed, and the rest never read as a request

SMUGGLED = {
    "length and chunked": ["Content-Length: {all}", "Transfer-Encoding: chunked"],
    "chunked and length": ["Transfer-Encoding: chunked", "Content-Length: {all}"],
    "length twice, the same": ["Content-Length: {len}", "Content-Length: {len}"],
    "length twice, different": ["Content-Length: {len}", "Content-Length: 0"],
    "length twice, different, other order": ["Content-Length: 0", "Content-Length: {len}"],
    "length as a list": ["Content-Length: {len}, {len}"],
    "length with a sign": ["Content-Length: +{len}"],
    "negative length": ["Content-Length: -1"],
    "length in hexadecimal": ["Content-Length: 0x10"],
    "length with something behind": ["Content-Length: {len}a"],
    "gzip, chunked": ["Transfer-Encoding: gzip, chunked"],
    "chunked, gzip": ["Transfer-Encoding: chunked, gzip"],
    "chunked, chunked": ["Transfer-Encoding: chunked, chunked"],
    "chunked twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    "chunked and identity": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "identity": ["Transfer-Encoding: identity", "Content-Length: {len}"],
    "identity alone": ["Transfer-Encoding: identity"],
    "gzip": ["Transfer-Encoding: gzip"],
    "xchunked": ["Transfer-Encoding: xchunked"],
    "empty": ["Transfer-Encoding: "],
}


@pytest.mark.parametrize("lines", SMUGGLED.values(), ids=SMUGGLED.keys())
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_ambiguous_framing_is_refused_and_closed(gateway, resource, method, lines):
    body = body_of(resource)
    hidden = request_bytes("POST", INCREMENT, item(resource, increment=1000))
    framed = chunked(body, len(body)) + hidden
    lines = [line.format(len=len(body), all=len(framed)) for line in lines]
    target = INCREMENT if method == "POST" else f"/api/v1/counter/{resource}/like"
    with gateway.connection() as connection:
        connection.send(head(method, target, "Content-Type: application/json", *lines) + framed)
        response = connection.response()
        assert response.status == 400, response
        check_problem(response, 400)
        assert connection.rest() == b""
    assert read(gateway, resource) == 0


# --- garbage


def test_garbage_is_refused_or_closed_and_others_are_unaffected(impatient):
    rnd = random.Random(1)
    pieces = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rnd.randbytes(500),  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"\r\n" * 5000,
        b"\x00" * 1000,
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET /%s HTTP/1.1\r\nHost: tally\r\n\r\n" % rnd.randbytes(100).replace(b"\n", b"").replace(b" ", b""),
        *(rnd.randbytes(rnd.randint(1, 3000)) for _ in range(60)),
        *(
            CHUNKED_POST + b"%s\r\nxx\r\n0\r\n\r\n" % size
            for size in (b"g", b"-1", b"fffffffffffffffff", b"", b"2;" * 2000)
        ),
    ]
    with Load(impatient.port, connections=10) as load:
        connections = [impatient.connection(timeout=30) for _ in pieces]
        for connection, piece in zip(connections, pieces, strict=True):
            try:
                connection.send(piece)
            except OSError:
                pass  # refused while it was still being sent
        for connection, piece in zip(connections, pieces, strict=True):
            with connection:
                assert b"HTTP/1.1 2" not in connection.rest(), piece
        ledger = load.stop()
    assert set(ledger.statuses) == {200} and ledger.slowest < 5, ledger
