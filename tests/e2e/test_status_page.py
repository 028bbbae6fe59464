"""The status page over HTTP: its files, its data, who may see it. In a browser: test_status_browser.py."""

import contextlib
import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.calls import INCREMENT, increment, item
from harness.exposition import scrape
from harness.paths import OPENAPI
from harness.problems import check_problem
from harness.stubs import pb
from harness.wait import wait_until

PAGE_PATHS = ["/", "/status.css", "/status.js", "/status.json"]
OUTCOMES = ("applied", "replayed", "not_applied", "unknown")


@pytest.fixture(scope="module")
def schema():
    return yaml.safe_load(OPENAPI.read_text())


def status(gateway):
    response = gateway.get("/status.json")
    assert response.status == 200, response
    return response.json()


def told_health(gateway):
    """What the only instance tells, once it has told something."""
    report = wait_until(lambda: [one for one in status(gateway)["reports"] if one["health"]], 10, "a report")[0]
    return report["health"]


@pytest.mark.parametrize("path", PAGE_PATHS)
def test_what_the_page_is_made_of(gateway, path):
    response = gateway.get(path)
    assert response.status == 200
    assert response.header("cache-control") == "no-store"
    assert response.header("x-content-type-options") == "nosniff"


def test_the_page_names_nothing_from_elsewhere_and_has_no_code_within(gateway):
    page = gateway.get("/")
    html = page.body.decode()
    policy = dict(part.strip().split(" ", 1) for part in page.header("content-security-policy").split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert set(re.findall(r"(?:src|href)=\"([^\"]*)\"", html)) == {
        "data:,", "status.css", "status.js", "health", "metrics", "openapi.yaml"
    }  # fmt: skip
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=\"status\.js\" defer></script>)", html)


@pytest.mark.parametrize(
    ("accept", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"), ("en-US,en;q=0.9,zh;q=0.8", "en"), ("fr", "en"), (None, "en")],
)
def test_the_language_is_the_browsers(gateway, accept, language):
    response = gateway.get("/", [("Accept-Language", accept)] if accept else [])
    assert response.header("content-language") == language
    assert f'<html lang="{language}">' in response.body.decode()
    assert "Accept-Language" in response.header("vary")


def test_who_wants_json_gets_the_health(gateway):
    response = gateway.get("/", [("Accept", "application/json")])
    assert response.header("content-type") == "application/json"
    assert response.json()["components"]["counter_service"]["instances"]
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert gateway.get("/", [("Accept", browser)]).header("content-type").startswith("text/html")


def test_the_data_are_those_of_the_metrics_and_as_described(gateway, schema, resource):
    increment(gateway, resource)
    for _ in range(2):
        gateway.post(INCREMENT, item(resource), [("Idempotency-Key", "twice")])
    assert gateway.post(INCREMENT, item(resource, increment=2), [("Idempotency-Key", "twice")]).status == 422
    gateway.get(f"/api/v1/counter/{resource}/like")
    gateway.get(f"/api/v1/counter/{resource}")
    told_health(gateway)
    data, metrics = status(gateway), scrape(gateway)
    part = {"$ref": "#/components/schemas/Status", "components": schema["components"]}
    jsonschema.validate(data, part)
    assert data["writes"]["accepted"] == metrics.sum("tally_writes_accepted_total") >= 4
    for outcome in OUTCOMES:
        assert data["writes"][outcome] == metrics.sum("tally_writes_total", outcome=outcome)
    assert data["writes"]["replayed"] >= 1 and data["writes"]["not_applied"] >= 1
    writes = metrics.sum("tally_http_request_duration_seconds_count", route=INCREMENT)
    assert sum(data["latency"]["increments"]) == writes
    assert sum(data["latency"]["reads"]) >= 2
    assert len(data["latency"]["reads"]) == len(data["latency"]["bounds_seconds"]) + 1


def test_the_instances_tell_what_their_health_is(stack, rpc):
    of_port = stack.service.get("/health").json()
    of_rpc = json.loads(rpc.Describe(pb.DescribeRequest(), timeout=10).health)
    of_page = told_health(stack.gateway)
    assert of_port["components"]["redis"] == of_rpc["components"]["redis"] == of_page["components"]["redis"]
    assert set(of_page["components"]) == {"redis", "events", "rankings"}


def test_nobody_is_asked_while_nobody_looks(start_stack):
    stack = start_stack()
    increment(stack.gateway, "quiet")
    assert scrape(stack.service).sum("tally_rpc_server_requests_total", rpc="Describe") == 0
    told_health(stack.gateway)
    assert scrape(stack.service).sum("tally_rpc_server_requests_total", rpc="Describe") > 0


def test_an_instance_that_is_gone_tells_nothing_new(start_stack):
    stack = start_stack()
    told_health(stack.gateway)
    stack.service.kill()
    wait_until(lambda: status(stack.gateway)["health"]["status"] == "unavailable")
    wait_until(lambda: status(stack.gateway)["reports"][0]["age_ms"] > 2000)
    stack.service.start()
    wait_until(lambda: status(stack.gateway)["reports"][0]["age_ms"] < 2000)


def cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_ten_open_pages_cost_less_than_a_hundredth_of_a_core(stack):
    """What ten pages ask in 100 seconds, at once."""
    pages, seconds = 10, 100
    told_health(stack.gateway)
    before = cpu_seconds(stack.gateway)
    with contextlib.ExitStack() as ends:
        connections = [ends.enter_context(stack.gateway.connection()) for _ in range(pages)]
        for _ in range(seconds):
            for connection in connections:
                assert connection.request("GET", "/status.json").status == 200
    spent = cpu_seconds(stack.gateway) - before
    print(f"{spent / seconds:.3%} of a core")
    assert spent < seconds / 100


def test_rankings_are_named(stack):
    gateway = stack.extra_gateway(RANKINGS="[{counter_type: like, windows: [day, all], rolling: [24h]}]")
    assert status(gateway)["rankings"] == [{"counter_type": "like", "windows": ["day", "all", "24h"]}]
    assert status(stack.gateway)["rankings"] == []


@pytest.mark.parametrize("path", PAGE_PATHS)
def test_loopback_is_for_callers_on_this_machine(stack, loopback_gateway, path):
    assert loopback_gateway.get(path).status == 200
    assert loopback_gateway.get(path, [("Sec-Fetch-Site", "same-origin")]).status == 200
    assert loopback_gateway.get(path, [("Sec-Fetch-Site", "none")]).status == 200
    for field in [("X-Forwarded-For", "127.0.0.1"), ("Origin", "https://shop.example"),
                  ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")]:  # fmt: skip
        check_problem(loopback_gateway.get(path, [field]), 403)
    with loopback_gateway.connection() as connection:
        connection.send(f"GET {path} HTTP/1.1\r\nHost: rebound.example\r\n\r\n".encode())
        check_problem(connection.response(), 403)
    assert loopback_gateway.get("/health").status == 200


@pytest.fixture(scope="module")
def loopback_gateway(stack):
    return stack.extra_gateway(SERVER_STATUS_PAGE="loopback", SERVER_CORS_ORIGINS="*")


def test_false_is_nothing_there(stack):
    gateway = stack.extra_gateway(SERVER_STATUS_PAGE="false")
    for path in PAGE_PATHS:
        check_problem(gateway.get(path), 404)
        check_problem(gateway.get(path, [("Accept", "application/json")]), 404)
    assert gateway.get("/health").status == 200
