"""The slots of a Redis Cluster move under load, and nobody is the poorer for it."""

import pytest

from harness.faults import under_load
from harness.redis_cluster import PATIENT_NODES, RedisCluster
from harness.spread import Spread

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def stack(start_kind, kafka):
    return start_kind(Spread, redis_kind=RedisCluster, redis=PATIENT_NODES, kafka=kafka, services=2, gateways=2)


def check(stack, fault, **settings):
    ledger = under_load(stack, fault, **settings)
    assert set(ledger.statuses) <= {200, 503, 504}, ledger
    stack.check_all(ledger)


def test_all_slots_go_once_round(stack):
    check(stack, stack.redis.reshard_all)


def test_slots_with_keys_go_once_round_again_and_again(stack):
    def fault():
        for _ in range(3):
            stack.redis.reshard_full(keys_at_once=100, pause=0)

    check(stack, fault)


def test_slots_with_keys_go_key_by_key(stack):
    """So a partition's keys are in two places for long: some writes must wait for the others' to come."""

    def fault():
        stack.redis.reshard_full(keys_at_once=3, slots_max=1)

    check(stack, fault)


def test_slots_are_moved_by_redis_cli(stack):
    def fault():
        masters = stack.redis.masters()
        for place, source in enumerate(masters):
            stack.redis.reshard_by_cli(source, masters[(place + 1) % len(masters)], 500)

    check(stack, fault)


def test_a_master_joins_and_leaves(stack):
    def fault():
        fourth = stack.redis.add_master()
        for source in stack.redis.masters():
            slots = sorted(stack.redis.slots()[source])
            stack.redis.move_slots(source, fourth, slots[: len(slots) // 4])
        stack.redis.wait_ok()
        stack.redis.remove_master(fourth)

    check(stack, fault)
