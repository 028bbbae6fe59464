"""redis.wait_replicas: what is acknowledged is at a replica too, and what is not is told so."""

import contextlib

import pytest

from harness.calls import INT64_MAX, increment, increment_batch, item, read, read_batch, set_value
from harness.daemons import PATIENT_ATTEMPTS
from harness.exposition import scrape
from harness.problems import check_problem, check_problem_document
from harness.redis_sentinel import RedisSentinel
from harness.stubs import CounterServiceStub, connect

pytestmark = pytest.mark.timeout(120)

WAITS = {"REDIS_WAIT_REPLICAS": 1, "REDIS_WAIT_TIMEOUT": "1s"}
SLUG = "/problems/not-replicated"
SAYS = "is lost if Redis is before its replicas have it"


@pytest.fixture(scope="module")
def stack(start_stack):
    """A replica that stands still for as long as the sentinels do not care."""
    redis = {"down_after_ms": 60_000}
    service = WAITS | PATIENT_ATTEMPTS | {"REDIS_PARTITIONS": 4}
    return start_stack(redis_kind=RedisSentinel, redis=redis, service=service, gateway=PATIENT_ATTEMPTS)


@pytest.fixture
def paused(stack):
    """Within it no replica gets anything."""

    @contextlib.contextmanager
    def pause():
        stack.redis.pause_replicas()
        try:
            yield
        finally:
            stack.redis.resume_replicas()

    return pause


def check_not_replicated(response):
    problem = check_problem(response, 504, "unknown", SAYS)
    assert problem["type"].endswith(SLUG)


def test_what_is_acknowledged_is_at_the_replica(stack, resource):
    for number in range(20):
        assert increment(stack.gateway, resource).status == 200
        (replica,) = stack.redis.replicas()
        (key,) = [key for key in replica.call("KEYS", "tally:{p*}:c:*") if key.endswith(resource.encode())]
        assert replica.call("HGET", key, "like") == str(number + 1).encode()


def test_without_a_replica_it_is_unknown_and_the_same_key_counts_once(stack, resource, paused):
    with paused():
        check_not_replicated(increment(stack.gateway, resource, key="k"))
        check_not_replicated(increment(stack.gateway, resource, key="k"))
    response = increment(stack.gateway, resource, key="k")
    assert (response.status, response.json()["value"]) == (200, 1)
    assert response.header("idempotent-replayed") == "true"
    assert read(stack.gateway, resource) == 1


def test_each_item_of_a_batch_has_its_own_end(stack, resource, paused):
    names = [f"{resource}-{number}" for number in range(10)]
    set_value(CounterServiceStub(connect(stack.service.port)), names[3], INT64_MAX)
    items = [item(name, idempotency_key="k") for name in names]
    with paused():
        results = increment_batch(stack.gateway, items).json()["results"]
    for name, result in zip(names, results, strict=True):
        if name == names[3]:
            check_problem_document(result["error"], 409, "not_applied")
        else:
            check_problem_document(result["error"], 504, "unknown", SAYS)
            assert result["error"]["type"].endswith(SLUG)
    results = increment_batch(stack.gateway, items).json()["results"]
    assert [result.get("value") for result in results] == [None if name == names[3] else 1 for name in names]


def test_others_than_increments_go_on(stack, resource, paused):
    """Nor does a breaker open, however many increments end so."""
    assert increment(stack.gateway, resource).status == 200
    with paused():
        for _ in range(10):
            check_not_replicated(increment(stack.gateway, resource))
            assert read_batch(stack.gateway, [item(resource)]).status == 200
            assert stack.gateway.get(f"/api/v1/counter/{resource}").status == 200
    assert scrape(stack.gateway).sum("tally_breaker_changes_total", state="open") == 0
    assert increment(stack.gateway, resource).status == 200
    assert read(stack.gateway, resource) == 12


def test_they_are_counted(stack, resource, paused):
    before = scrape(stack.service).sum("tally_increments_unreplicated_total")
    with paused():
        check_not_replicated(increment(stack.gateway, resource))
    assert scrape(stack.service).sum("tally_increments_unreplicated_total") > before


def test_a_grpc_caller_is_told_too(stack, resource, paused):
    rpc = CounterServiceStub(connect(stack.service.port))
    with paused(), pytest.raises(Exception) as raised:
        set_value(rpc, resource, 1)
    trailers = dict(raised.value.trailing_metadata())
    assert trailers["tally-outcome"] == "unknown"
    assert trailers["tally-reason"] == "not-replicated"
