"""/metrics of both programs."""

import shutil
import subprocess

import pytest

from harness.calls import INT64_MAX, increment, increment_batch, item, set_value
from harness.exposition import scrape, writes
from harness.stubs import pb
from harness.wait import wait_until

# Name without tally_ -> labels: the families that README names.
GATEWAY = {
    "http_requests_total": {"route", "method", "status"},
    "http_request_duration_seconds": {"route"},
    "http_connections": set(),
    "http_requests_in_flight": set(),
    "writes_accepted_total": set(),
    "writes_total": {"outcome"},
    "batch_size": {"rpc"},
    "rpc_client_requests_total": {"rpc", "code"},
    "rpc_client_duration_seconds": {"rpc"},
    "rpc_client_retries_total": set(),
    "channels": {"state"},
    "shed_total": {"reason"},
}
SERVICE = {
    "rpc_server_requests_total": {"rpc", "code"},
    "rpc_server_duration_seconds": {"rpc"},
    "increments_total": set(),
    "increments_replayed_total": set(),
    "store_queue_length": set(),
    "store_batch_size": set(),
    "redis_duration_seconds": {"op"},
    "redis_up": set(),
    "redis_reconnects_total": set(),
}
BOTH = {"log_dropped_total": set(), "draining": set()}
PROCESS = [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_start_time_seconds",
]


@pytest.fixture(scope="module")
def used_stack(stack):
    """Some of everything has happened."""
    for number in range(5):
        increment(stack.gateway, "metrics-secret", user_id="user-secret", key=f"key-{number}")
        increment(stack.gateway, "metrics-secret", user_id="user-secret", key=f"key-{number}")
    increment(stack.gateway, "metrics-secret", increment=0)
    increment_batch(stack.gateway, [item("metrics-secret"), item("metrics-secret", increment=0)])
    for path in ("/api/v1/counter/metrics-secret", "/api/v1/counter/metrics-secret/like", "/made-up-path"):
        stack.gateway.get(path)
    stack.gateway.request("MADEUPMETHOD", "/health")
    return stack


def both(stack):
    return [(stack.gateway, GATEWAY | BOTH), (stack.service, SERVICE | BOTH)]


def test_the_named_families_are_there_with_their_labels(used_stack):
    for daemon, families in both(used_stack):
        exposition = scrape(daemon)
        for name, labels in families.items():
            assert f"tally_{name}" in exposition.types, f"{daemon.name} has no tally_{name}"
            assert exposition.label_names(f"tally_{name}") in (labels, set()), name
        assert any(name.endswith("build_info") for name in exposition.types)
        for name in PROCESS:
            assert name in exposition.types, f"{daemon.name} has no {name}"


def test_families_are_of_the_type_that_their_names_say(used_stack):
    for daemon, _ in both(used_stack):
        for name, kind in scrape(daemon).types.items():
            assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
            if name.endswith("_duration_seconds") or name in ("tally_batch_size", "tally_store_batch_size"):
                assert kind == "histogram"


def test_the_content_type_is_that_of_the_text_format(used_stack):
    for daemon, _ in both(used_stack):
        content_type = daemon.get("/metrics").header("content-type")
        assert content_type.startswith("text/plain") and "version=0.0.4" in content_type


def test_nothing_of_a_caller_becomes_a_label(used_stack):
    for daemon, _ in both(used_stack):
        text = daemon.get("/metrics").body.lower()
        for word in (b"secret", b"made-up", b"madeup", b"key-1"):
            assert word not in text, word


def test_promtool_finds_nothing_wrong(used_stack):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    for daemon, _ in both(used_stack):
        check = subprocess.run(
            ["promtool", "check", "metrics"], input=daemon.get("/metrics").body, capture_output=True, timeout=20
        )
        assert (check.returncode, check.stdout + check.stderr) == (0, b""), daemon.name


def test_every_accepted_write_has_one_outcome(stack, rpc, resource):
    accepted_before, before = writes(stack.gateway)
    set_value(rpc, resource, INT64_MAX, "full")
    for _ in range(3):
        assert increment(stack.gateway, resource).status == 200
    for _ in range(2):
        assert increment(stack.gateway, resource, key="k", increment=2).status == 200
    assert increment(stack.gateway, resource, key="k", increment=3).status == 422
    assert increment(stack.gateway, resource, "full").status == 409
    items = [item(resource), item(resource, "full"), item(resource, increment=2, idempotency_key="k")]
    assert increment_batch(stack.gateway, items).status == 200

    accepted, after = writes(stack.gateway)
    grown = {outcome: after[outcome] - before[outcome] for outcome in after}
    assert (grown["applied"], grown["replayed"], grown["unknown"]) == (5, 2, 0)
    assert grown["not_applied"] >= 3
    assert accepted - accepted_before == sum(grown.values())
    assert accepted == sum(after.values())


def test_the_service_counts_what_it_applied(stack, rpc, resource):
    def counts():
        exposition = scrape(stack.service)
        return exposition.sum("tally_increments_total"), exposition.sum("tally_increments_replayed_total")

    applied, replayed = counts()
    request = pb.IncrementRequest(resource_id=resource, counter_type="like", delta=1, idempotency_key="k")
    for _ in range(3):
        rpc.Increment(request, timeout=5)
    assert counts() == (applied + 1, replayed + 2)


def test_redis_and_channels_are_shown(stack):
    assert scrape(stack.service).sum("tally_redis_up") == 1
    wait_until(lambda: scrape(stack.gateway).sum("tally_channels", state="ready") == 20)
    assert scrape(stack.gateway).sum("tally_channels") == 20
