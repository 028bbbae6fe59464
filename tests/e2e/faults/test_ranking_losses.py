"""A ranking is the sum of the increments, whatever dies."""

import time

import pytest

from harness.batch_load import BatchLoad
from harness.faults import under_load
from harness.law import Ledger, check
from harness.leader import AGGREGATOR, TAKE_OVER_SECONDS, health_of, kill_leader, leader, replace
from harness.ranked import ordered, wait_ranked, whole_order
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

RANKINGS = "[{counter_type: hit, windows: [day, all], rolling: [24h], keep: 5000, cache_ttl: 0s}]"
INCREMENTS = 200_000
COUNTERS = 2000
CLIENTS = 4


@pytest.fixture
def stack(start_cluster):
    stack = start_cluster(services=2, gateways=2, service={"RANKINGS": RANKINGS})
    wait_until(lambda: leader(stack, AGGREGATOR), TAKE_OVER_SECONDS)
    return stack


def check_rankings(stack, ledger):
    """Each window is the order of all counters: all began with it."""
    wait_ranked(stack.gateway, "hit")
    values = stack.values(ledger.counters())
    check(ledger, values)
    counted = {resource for (resource, _), value in values.items() if value != 0}
    for window in ("day", "24h", "all"):
        order = whole_order(stack.gateway, "hit", window)
        ranked = stack.values([(resource, "hit") for resource, _ in order])
        assert counted <= {resource for resource, _ in order}, window
        assert order == ordered({resource: value for (resource, _), value in ranked.items()}), window


def stop_leader(stack):
    """For longer than its lease: it wakes up beside its successor."""
    sleeper = wait_until(lambda: leader(stack, AGGREGATOR), TAKE_OVER_SECONDS)
    sleeper.pause()
    other = next(service for service in stack.services if service is not sleeper)
    wait_until(lambda: health_of(other, AGGREGATOR)["aggregator"] == "leads", TAKE_OVER_SECONDS)
    time.sleep(1)
    sleeper.resume()
    stack.wait_ready()


def has_part(stack):
    """Of a chunk of events some records have been written, and others have not."""
    return stack.redis.call("HGET", "tally:{p0}:rankings", "part") not in (None, b"", "")


def stopped_within_a_chunk(stack):
    """The leader, stopped between two parts."""
    victim = wait_until(lambda: leader(stack, AGGREGATOR), TAKE_OVER_SECONDS)

    def stopped():
        wait_until(lambda: has_part(stack), 30, "a chunk that is added in parts", interval=0)
        victim.pause()
        if has_part(stack):
            return True
        victim.resume()
        return False

    wait_until(stopped, 60)
    return victim


def test_the_instance_that_ranks_dies_within_a_chunk(stack):
    loads = [BatchLoad(stack.gateway, COUNTERS, pause=0.05) for _ in range(CLIENTS)]
    for load in loads:
        load.start()
    for _ in range(3):
        replace(stack, AGGREGATOR, stopped_within_a_chunk(stack))
    sleeper = stopped_within_a_chunk(stack)
    wait_until(lambda: not has_part(stack), TAKE_OVER_SECONDS, "the other one to end the chunk", interval=0)
    sleeper.resume()
    stack.wait_ready()
    ledger = Ledger()
    for load in loads:
        load.stop()
        ledger.merge(load.ledger)
    check_rankings(stack, ledger)


def test_the_instance_that_ranks_dies_and_stops_under_load(stack):
    loads = [BatchLoad(stack.gateway, COUNTERS, pause=0.1) for _ in range(CLIENTS)]
    for load in loads:
        load.start()
    time.sleep(1)
    for _ in range(3):
        kill_leader(stack, AGGREGATOR)
    stop_leader(stack)
    wait_until(lambda: sum(load.sent for load in loads) >= INCREMENTS, 120)
    ledger = Ledger()
    for load in loads:
        load.stop()
        ledger.merge(load.ledger)
    check_rankings(stack, ledger)


def test_redis_dies_and_its_rankings_with_its_counters_survive(stack):
    # The law of counting takes unknown increments for more, never for less.
    load = BatchLoad(stack.gateway, COUNTERS, pause=0.02, deltas=(1, 2, 3))

    def fault():
        load.start()
        time.sleep(1)
        stack.redis.kill()
        time.sleep(1)
        stack.redis.start()
        stack.wait_ready()
        stack.redis.call("CLIENT", "KILL", "TYPE", "normal")
        stack.redis.call("SCRIPT", "FLUSH")
        stack.redis.pause()
        time.sleep(2)
        stack.redis.resume()

    ledger = under_load(stack, fault)
    load.stop()
    load.ledger.merge(ledger)
    check_rankings(stack, load.ledger)
