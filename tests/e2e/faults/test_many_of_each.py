"""Three services and two gateways on a Redis Cluster: the load is shared out evenly, and any of them may leave."""

import time

import pytest

from harness.exposition import calls_answered
from harness.faults import FAULT_SECONDS, under_load
from harness.redis_cluster import PATIENT_NODES, RedisCluster

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

UNEVEN = 0.15  # of the mean


@pytest.fixture(scope="module")
def stack(start_cluster):
    redis = {"replicas": 0, **PATIENT_NODES}
    return start_cluster(services=3, gateways=2, redis_kind=RedisCluster, redis=redis)


def check_even(counts):
    mean = sum(counts) / len(counts)
    assert all(abs(count - mean) <= UNEVEN * mean for count in counts), counts


def test_the_load_is_even(stack):
    """Over the gateways a balancer shares it out; over the services the gateways do."""
    before = [calls_answered(service) for service in stack.services]

    def fault():
        time.sleep(3 * FAULT_SECONDS)

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger
    check_even([calls_answered(service) - count for service, count in zip(stack.services, before, strict=True)])


@pytest.mark.parametrize("place", range(5))
def test_any_of_them_leaves_and_no_request_fails(stack, place):
    daemon = (stack.services + stack.gateways)[place]

    def fault():
        daemon.stop()
        stack.wait_ready()
        time.sleep(FAULT_SECONDS)
        daemon.start()
        stack.wait_ready()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger
