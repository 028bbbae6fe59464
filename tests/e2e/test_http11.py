"""HTTP/1.1 as RFC 9110 and 9112 have it, literal by literal (tests/e2e/data/http11): what is answered, that it is
answered once, that nothing hidden in it counts, and that it is the same however the bytes arrive."""

import pytest

from harness.calls import INCREMENT, item, read
from harness.http_client import request_bytes
from harness.literals import load
from harness.problems import check_problem

LITERALS = load("http11")


def at_once(connection, data):
    connection.send(data)


def byte_by_byte(connection, data):
    for at in range(len(data)):
        try:
            connection.send(data[at : at + 1])
        except OSError:
            return  # refused while it was still being sent


def in_two(split):
    def send(connection, data):
        at_once(connection, data[: len(data) * split // 8])
        connection.pause()
        try:
            at_once(connection, data[len(data) * split // 8 :])
        except OSError:
            pass

    return send


def exchange(gateway, literal, resource, send):
    data = literal.bytes_for(resource)
    if literal.closes:
        data += request_bytes("POST", INCREMENT, item(resource, increment=1000))
    with gateway.connection() as connection:
        send(connection, data)
        for status in literal.statuses:
            response = connection.response()
            assert response.status == status, response
            if response.header("content-type") == "application/problem+json":
                check_problem(response, status)
        if literal.closes:
            assert connection.rest() == b"", "something was sent behind the last answer"
        else:
            assert connection.request("GET", "/health/live").status == 200
    assert read(gateway, resource) == literal.counts


@pytest.mark.parametrize("literal", LITERALS, ids=[literal.name for literal in LITERALS])
@pytest.mark.parametrize("send", [at_once, byte_by_byte], ids=["at once", "byte by byte"])
def test_each_literal_is_answered_as_it_must_be(gateway, resource, literal, send):
    exchange(gateway, literal, resource, send)


@pytest.mark.parametrize("split", range(1, 8))
def test_where_a_read_ends_changes_nothing(gateway, resource, split):
    for number, literal in enumerate(LITERALS):
        exchange(gateway, literal, f"{resource}-{number}", in_two(split))
