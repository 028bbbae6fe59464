"""What answers say to caches, and to browsers that load pages from elsewhere (CORS)."""

import pytest

from harness.calls import INCREMENT, READ_BATCH, counter_path, increment, item
from harness.problems import check_problem

PAGE = "https://shop.example"
OTHER = "https://other.example"


def vary(response):
    return (response.header("vary") or "").lower()


def preflight(gateway, origin, path=INCREMENT):
    headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type,idempotency-key"),
    ]
    return gateway.request("OPTIONS", path, headers=headers)


@pytest.fixture(scope="module")
def open_gateway(stack):
    gateway = stack.extra_gateway(SERVER_CORS_ORIGINS=f"{PAGE},http://localhost:3000")
    gateway.wait_ready()
    return gateway


def answers(gateway, resource):
    yield increment(gateway, resource)
    yield increment(gateway, resource, key="k")
    yield increment(gateway, resource, key="k")
    yield gateway.post(READ_BATCH, {"queries": [item(resource)]})
    for path in (counter_path(resource, "like"), counter_path(resource), "/health", "/health/live", "/health/ready"):
        yield gateway.get(path)
    yield gateway.get("/metrics")
    yield gateway.get("/nothing")
    yield gateway.request("PUT", INCREMENT, {})
    yield gateway.post(INCREMENT, b"{")
    yield gateway.request("OPTIONS", "/health")
    yield gateway.get("/health", [("X-A ", "b")])


def test_no_answer_may_be_kept_but_the_description(gateway, resource):
    for response in answers(gateway, resource):
        assert response.header("cache-control") == "no-store", response
    assert gateway.get("/openapi.yaml").header("cache-control") is None


def test_of_the_service_neither(stack):
    for path in ("/health", "/metrics", "/nothing"):
        assert stack.service.get(path).header("cache-control") == "no-store"


def test_pages_may_not_call_unless_configured(gateway, resource):
    for response in [preflight(gateway, PAGE), *answers(gateway, resource)]:
        names = [name for name, _ in response.headers]
        assert not [name for name in names if name.startswith("access-control-")], response


@pytest.mark.parametrize("path", [INCREMENT, "/api/v1/counter/a/b", "/health"])
def test_a_preflight_of_a_page_that_may_call(open_gateway, path):
    response = preflight(open_gateway, PAGE, path)
    assert response.status == 204 and response.body == b""
    assert response.header("content-length") in (None, "0")
    assert response.header("access-control-allow-origin") == PAGE
    assert response.header("access-control-allow-methods") == response.header("allow")
    allowed = response.header("access-control-allow-headers").lower().split(", ")
    assert {"content-type", "idempotency-key", "x-request-id", "traceparent"} <= set(allowed)
    assert int(response.header("access-control-max-age")) > 0
    assert "origin" in vary(response)


def test_a_preflight_of_another_page(open_gateway):
    response = preflight(open_gateway, OTHER)
    assert response.header("access-control-allow-origin") is None
    assert response.header("access-control-allow-methods") is None
    assert "origin" in vary(response)


def test_every_answer_says_that_the_page_may_read_it(open_gateway, resource):
    calls = [
        open_gateway.post(INCREMENT, item(resource), [("Origin", PAGE)]),
        open_gateway.get("/nothing", [("Origin", PAGE)]),
        open_gateway.post(INCREMENT, b"{", [("Origin", PAGE)]),
        open_gateway.request("PUT", INCREMENT, {}, [("Origin", PAGE)]),
        open_gateway.get("/health", [("Origin", PAGE), ("X-A ", "b")]),
    ]
    assert [response.status for response in calls] == [200, 404, 400, 405, 400]
    for response in calls:
        assert response.header("access-control-allow-origin") == PAGE
        exposed = response.header("access-control-expose-headers").lower().split(", ")
        assert {"idempotent-replayed", "retry-after", "x-request-id"} <= set(exposed)
        assert "origin" in vary(response)


def test_other_callers_get_no_permission_and_are_served(open_gateway, resource):
    for number, origin in enumerate([None, OTHER, "null", PAGE + ".evil.example"], 1):
        response = open_gateway.post(INCREMENT, item(resource), [("Origin", origin)])
        assert response.json()["value"] == number
        assert response.header("access-control-allow-origin") is None
        assert "origin" in vary(response)


def test_a_star_is_for_everybody(stack, resource):
    gateway = stack.extra_gateway(SERVER_CORS_ORIGINS="*")
    gateway.wait_ready()
    assert preflight(gateway, OTHER).header("access-control-allow-origin") == "*"
    response = gateway.post(INCREMENT, item(resource), [("Origin", OTHER)])
    assert response.header("access-control-allow-origin") == "*" and response.header("vary") is None
    check_problem(gateway.get("/nothing", [("Origin", "null")]), 404)


def test_what_a_cache_keeps_may_be_given_to_a_page(stack, resource):
    """Whoever asked first: an answer says that all pages may read it, or that it differs by page."""
    for origins, allowed, varies in (("*", "*", None), (PAGE, None, "Origin")):
        gateway = stack.extra_gateway(SERVER_CORS_ORIGINS=origins, CACHE_MAX_STALENESS="20s")
        gateway.wait_ready()
        for response in (gateway.get(counter_path(resource, "like")), gateway.get("/openapi.yaml")):
            assert response.header("cache-control") != "no-store"
            assert (response.header("access-control-allow-origin"), response.header("vary")) == (allowed, varies)
