"""Routes, methods, and the headers that every answer has."""

import pytest

from harness.calls import INCREMENT, INCREMENT_BATCH, READ_BATCH, increment, item
from harness.problems import check_problem


@pytest.mark.parametrize(
    "path", ["/api", "/api/v1", "/api/v1/counter", "/api/v2/counter/a/b", "/api/v1/counter/a/b/c", "/healthz",
             "/health/nothing", "/metrics/x", "/API/v1/counter/a/b", "/api/v1/counters/a", "/status", "/status.html"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_such_route_is_404(gateway, method, path):
    check_problem(gateway.request(method, path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/v1/counter/some", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/v1/counter/some/like", "GET, HEAD, OPTIONS"),
        ("PUT", INCREMENT, "GET, HEAD, POST, OPTIONS"),
        ("PUT", INCREMENT_BATCH, "GET, HEAD, POST, OPTIONS"),
        ("PATCH", READ_BATCH, "GET, HEAD, POST, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("POST", "/health/live", "GET, HEAD, OPTIONS"),
        ("DELETE", "/health/ready", "GET, HEAD, OPTIONS"),
        ("POST", "/metrics", "GET, HEAD, OPTIONS"),
        ("DELETE", "/openapi.yaml", "GET, HEAD, OPTIONS"),
        ("BREW", "/health", "GET, HEAD, OPTIONS"),
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("PUT", "/status.json", "GET, HEAD, OPTIONS"),
        ("DELETE", "/status.js", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_405_and_told_the_right_ones(gateway, method, path, allowed):
    response = gateway.request(method, path, {})
    check_problem(response, 405)
    assert sorted(response.header("allow").replace(" ", "").split(",")) == sorted(allowed.split(", "))


def test_names_of_routes_are_resources_too(gateway):
    for name in ("batch", "increment", "health"):
        value = increment(gateway, name, "batch").json()["value"]
        assert gateway.get(f"/api/v1/counter/{name}").json()["counters"]["batch"] == value
        assert gateway.get(f"/api/v1/counter/{name}/batch").json()["value"] == value


@pytest.mark.parametrize(
    "path", ["/", "/status.css", "/status.js", "/status.json", "/health", "/health/live", "/health/ready", "/metrics",
             "/openapi.yaml", INCREMENT],
)  # fmt: skip
def test_head_works_where_get_does(gateway, path):
    with gateway.connection() as connection:
        head = connection.request("HEAD", path)
        get = connection.request("GET", path)
    assert head.status == get.status == 200
    assert head.header("content-type") == get.header("content-type")


def test_a_request_id_is_echoed(gateway, resource):
    headers = [("X-Request-Id", "abc-123")]
    assert gateway.get("/health", headers).header("x-request-id") == "abc-123"
    assert gateway.get("/nothing", headers).header("x-request-id") == "abc-123"
    assert gateway.post(INCREMENT, item(resource), headers).header("x-request-id") == "abc-123"
    assert gateway.post(INCREMENT, b"bad", headers).header("x-request-id") == "abc-123"


def test_a_request_without_an_id_gets_one_of_its_own(gateway, resource):
    made = [gateway.post(INCREMENT, item(resource)).header("x-request-id") for _ in range(3)]
    made += [gateway.get(path).header("x-request-id") for path in ("/health", "/nothing")]
    assert all(made) and len(set(made)) == len(made)


def test_errors_keep_the_connection_and_the_next_request_is_answered(gateway, resource):
    with gateway.connection() as connection:
        for number in range(1, 4):
            check_problem(connection.request("POST", INCREMENT, b"{"), 400)
            check_problem(connection.request("GET", "/nothing"), 404)
            check_problem(connection.request("POST", INCREMENT, b"{}", [("Content-Type", "text/plain")]), 415)
            assert connection.request("POST", INCREMENT, item(resource)).json()["value"] == number


def test_connection_close_is_honoured(gateway, resource):
    with gateway.connection() as connection:
        response = connection.request("POST", INCREMENT, item(resource), [("Connection", "close")])
        assert response.status == 200 and response.closes
        assert connection.is_closed_by_server()


def test_http_1_0_is_answered_and_closed(gateway, resource):
    with gateway.connection() as connection:
        connection.send(f"GET /api/v1/counter/{resource}/like HTTP/1.0\r\n\r\n".encode())
        response = connection.response()
        assert response.status == 200 and response.json()["value"] == 0
        assert connection.is_closed_by_server()
