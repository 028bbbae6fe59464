"""Masters of a Redis Cluster change, stop and die under load."""

import time

import pytest

from harness.calls import increment
from harness.faults import under_load
from harness.law import ACKNOWLEDGED
from harness.load import Load
from harness.redis_cluster import PATIENT_NODES, RedisCluster
from harness.spread import Spread

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

PAUSE_SECONDS = 10
# Of the cluster's nodes: nobody takes over from one that stands still.
NEVER_MS = 120_000


@pytest.fixture(scope="module")
def start_spread(start_kind, kafka):
    def start(**settings):
        return start_kind(Spread, redis_kind=RedisCluster, kafka=kafka, services=2, gateways=2, **settings)

    return start


@pytest.fixture(scope="module")
def stack(start_spread):
    """For faults by which nothing is lost."""
    return start_spread(redis=PATIENT_NODES)


@pytest.fixture
def lossy_stack(start_spread):
    """For one that Redis's replication, which is asynchronous, may lose writes by: the events are not in order then."""
    return start_spread()


def check_statuses(ledger):
    assert set(ledger.statuses) <= {200, 503, 504}, ledger
    assert ledger.total(ACKNOWLEDGED) > 0


def test_each_master_hands_over_in_turn(stack):
    def fault():
        for master in stack.redis.masters():
            stack.redis.fail_over(master)
            time.sleep(0.5)

    ledger = under_load(stack, fault)
    check_statuses(ledger)
    stack.check_all(ledger)


def test_all_nodes_are_killed_and_started_again(stack):
    """With appendfsync always."""

    def fault():
        stack.redis.kill()
        time.sleep(1)
        stack.redis.start()

    ledger = under_load(stack, fault)
    check_statuses(ledger)
    stack.check_all(ledger)


def test_each_master_is_killed_in_turn(lossy_stack):
    stack = lossy_stack

    def fault():
        for master in stack.redis.masters():
            stack.redis.kill_master(master)
            time.sleep(0.5)

    ledger = under_load(stack, fault, loses=True)
    check_statuses(ledger)
    stack.check_all(ledger, loses=True)


def test_a_master_stands_still_until_another_one_takes_over(lossy_stack):
    stack = lossy_stack

    def fault():
        stack.redis.pause_for(stack.redis.masters()[0], PAUSE_SECONDS)
        stack.redis.wait_ok()

    ledger = under_load(stack, fault, settle=2, loses=True)
    check_statuses(ledger)
    stack.check_all(ledger, loses=True)


@pytest.fixture(scope="module")
def steady_stack(start_spread):
    return start_spread(redis={"node_timeout_ms": NEVER_MS})


def test_a_master_stands_still_and_only_its_partitions_do(steady_stack):
    """Nothing is lost by it."""
    stack = steady_stack
    resources = [f"steady-{number}" for number in range(60)]
    for resource in resources:
        assert increment(stack.gateway, resource, "hit").status == 200
    by_node = stack.resources_by_node(resources)
    victim = max(by_node, key=lambda node: len(by_node[node]))
    others = [resource for node, found in by_node.items() if node is not victim for resource in found]
    assert sum(map(len, by_node.values())) == len(resources) and len(others) > 10
    seen = []

    def fault():
        victim.pause()
        end = time.monotonic() + PAUSE_SECONDS
        time.sleep(2)  # until those that had been sent are given up
        while time.monotonic() < end:
            for resource in others[:5]:
                started = time.monotonic()
                seen.append((increment(stack.gateway, resource, "hit").status, time.monotonic() - started))
            seen.append((increment(stack.gateway, by_node[victim][0], "hit").status, None))
        victim.resume()

    ledger = under_load(stack, fault, settle=2)
    check_statuses(ledger)
    of_others = [(status, seconds) for status, seconds in seen if seconds is not None]
    assert len(of_others) >= 10 and {status for status, _ in of_others} == {200}, seen
    assert max(seconds for _, seconds in of_others) < 1, seen
    assert {status for status, seconds in seen if seconds is None} <= {503, 504}, seen
    stack.check_all(ledger)


def test_a_replica_dies_and_nobody_notices(stack):
    def fault():
        victims = [stack.redis.replicas_of(master)[0] for master in stack.redis.masters()]
        for victim in victims:
            victim.kill()
        time.sleep(3)
        for victim in victims:
            victim.start()
        stack.redis.wait_ok()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger
    with Load(stack.load_port, connections=5) as load:
        time.sleep(0.5)
        assert set(load.stop().statuses) == {200}
    stack.check_all(ledger)
