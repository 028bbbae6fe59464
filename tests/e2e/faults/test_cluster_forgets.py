"""One node of a Redis Cluster loses its data, with the sessions there. What it lost is lost: nothing may be there
twice, and the other nodes have what they had."""

import time

import pytest

from harness import law
from harness.barrage import Barrage
from harness.calls import increment, read
from harness.redis_cluster import RedisCluster
from harness.spread import Spread
from harness.volley import Volley
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def stack(start_kind):
    return start_kind(Spread, redis_kind=RedisCluster, services=2, gateways=2)


def wait_served(stack, resources):
    """Until counters of all nodes are written again."""
    stack.wait_ready()
    for resource in resources:
        wait_until(lambda resource=resource: increment(stack.gateway, resource).status == 200, 30, f"{resource} served")


def fill(stack):
    resources = [f"kept-{number}" for number in range(60)]
    for resource in resources:
        assert increment(stack.gateway, resource, increment=5).status == 200
    return resources


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_node_is_flushed_under_load(stack, place):
    """One of the three has tally:meta and tally:store."""
    resources = fill(stack)
    victim = stack.redis.masters()[place]
    by_node = stack.resources_by_node(resources)
    lost = set(by_node[victim])

    def flush():
        victim.call("FLUSHALL")
        wait_served(stack, [found[0] for found in by_node.values()])

    with Barrage(stack) as barrage:
        barrage.fire()
        barrage.lose(flush)
        barrage.fire()
    again = {found[0] for found in by_node.values()}
    for resource in resources:
        value = read(stack.gateway, resource)
        more = 1 if resource in again else 0
        if resource in lost:
            assert value <= more + 5, resource
        else:
            assert value >= 5, resource
            assert more or value == 5, resource


def test_batches_in_flight_while_a_node_is_flushed_count_once(stack):
    """Each item of a volley is a counter of its own: one that is there twice is seen."""
    victim = stack.redis.masters()[1]
    ledger = law.Ledger()
    for _ in range(3):
        volley = Volley(stack.load_port, batches=100)
        volley.send(lambda: victim.call("FLUSHALL"))
        ledger.merge(volley.collect())
        stack.wait_ready()
        time.sleep(0.5)
    stack.wait_quiet()
    values = stack.values(ledger.counters())
    print(f"lost at least {law.least_loss(ledger, values)} of {ledger.total(law.ACKNOWLEDGED)}")
    law.check_no_more(ledger, values)
