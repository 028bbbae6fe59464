"""A Redis Cluster and sentinels that speak TLS only, to each other too."""

import uuid

import pytest

from harness.authority import Authority
from harness.calls import increment, increment_batch, item, read
from harness.daemons import Service
from harness.redis_cluster import RedisCluster
from harness.redis_sentinel import RedisSentinel
from harness.wait import wait_until

pytestmark = pytest.mark.timeout(180)

MANY = 300


@pytest.fixture
def names():
    name = uuid.uuid4().hex[:8]
    return [f"{name}-{number}" for number in range(MANY)]


@pytest.fixture
def start_service(tmp_path):
    """A service of its own at the redis, with other settings; it need not be ready."""
    services = []

    def start(redis, **settings):
        services.append(Service(tmp_path, redis.address, **redis.service_settings | settings))
        services[-1].start(wait=False)
        return services[-1]

    yield start
    for service in services:
        service.stop()
        service.close()


def counted(stack, names):
    """Their values after one increment more. It is sent again, as a caller would: until a Redis that has got partitions
    is connected, those are refused."""
    key = uuid.uuid4().hex
    items = [item(name, idempotency_key=key) for name in names]

    def values():
        answer = increment_batch(stack.gateway, items).json()
        problems = [result["error"] for result in answer["results"] if "error" in result]
        assert {problem["outcome"] for problem in problems} <= {"not_applied"}, problems[0]
        return not problems and [result["value"] for result in answer["results"]]

    return wait_until(values, 10, "all to be counted")


def wait_reason(service, piece):
    def says_so():
        response = service.get("/health")
        return response.status == 503 and piece in response.body.decode()

    wait_until(says_so, 20, f"{piece!r} told")


@pytest.fixture(scope="module")
def cluster(start_stack):
    return start_stack(redis_kind=RedisCluster, redis={"replicas": 0, "tls": True})


@pytest.fixture(scope="module")
def watched(start_stack):
    return start_stack(redis_kind=RedisSentinel, redis={"tls": True})


def test_a_cluster_counts_over_tls_while_slots_move(cluster, names):
    """MOVED and ASK name the TLS ports."""
    assert counted(cluster, names) == [1] * MANY
    assert all(node.call("DBSIZE") > 0 for node in cluster.redis.masters())
    cluster.redis.reshard_full(slots_max=4)
    assert counted(cluster, names) == [2] * MANY
    cluster.redis.reshard_all()
    assert counted(cluster, names) == [3] * MANY


def test_sentinels_are_asked_over_tls_and_a_failover_is_followed(watched, resource):
    assert increment(watched.gateway, resource).json()["value"] == 1
    former = watched.redis.master()
    former.call("WAIT", 1, 5000)
    assert watched.redis.fail_over() is not former
    wait_until(lambda: read(watched.gateway, resource) == 1, 20, "the new master to be read")
    wait_until(lambda: increment(watched.gateway, resource, key="k").status == 200, 20, "the new master to count")
    assert read(watched.gateway, resource) == 2


@pytest.mark.parametrize("kind", ["cluster", "watched"])
def test_another_authority_is_not_trusted(request, tmp_path, start_service, kind):
    redis = request.getfixturevalue(kind).redis
    service = start_service(redis, REDIS_TLS_CA=Authority(tmp_path, "another").path)
    wait_reason(service, "its certificate is signed by none of")


@pytest.mark.parametrize("kind", ["cluster", "watched"])
def test_a_service_without_tls_is_told(request, start_service, kind):
    redis = request.getfixturevalue(kind).redis
    service = start_service(redis, REDIS_TLS="false", REDIS_TLS_CA="")
    wait_reason(service, "if that port speaks TLS, redis.tls must be true")
