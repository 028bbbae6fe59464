"""The master that sentinels watch changes under load."""

import time

import pytest

from harness.calls import increment, read
from harness.faults import under_load
from harness.redis_sentinel import RedisSentinel
from harness.spread import Spread

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

WAITS = {"REDIS_WAIT_REPLICAS": 1, "REDIS_WAIT_TIMEOUT": "200ms"}


@pytest.fixture(scope="module")
def start_spread(start_kind, kafka):
    def start(**settings):
        return start_kind(
            Spread, redis_kind=RedisSentinel, kafka=kafka, partitions=1, services=2, gateways=2, **settings
        )

    return start


@pytest.fixture
def stack(start_spread):
    """A stack each: what a failover loses is missing from there on."""
    return start_spread()


def check(stack, fault):
    ledger = under_load(stack, fault, loses=True)
    assert set(ledger.statuses) <= {200, 503, 504}, ledger
    stack.check_all(ledger, loses=True)


def test_a_failover_that_was_asked_for(stack):
    check(stack, stack.redis.fail_over)


def test_the_master_is_killed(stack):
    check(stack, stack.redis.kill_master)


def test_the_master_stands_still_and_is_a_replica_when_it_wakes(stack):
    def fault():
        former = stack.redis.master()
        former.pause()
        time.sleep(8)
        former.resume()
        stack.redis.wait_ok()
        assert stack.redis.master() is not former

    check(stack, fault)


def test_the_master_is_killed_and_back_before_anybody_sees_it(start_spread):
    """Nothing is lost, with appendfsync always."""
    stack = start_spread(redis={"down_after_ms": 30_000})

    def fault():
        master = stack.redis.master()
        master.kill()
        master.start()
        stack.redis.wait_ok()
        assert stack.redis.master() is master

    ledger = under_load(stack, fault)
    stack.check_all(ledger)


def test_sentinels_die_and_nobody_notices(stack):
    def fault():
        for sentinel in stack.redis.sentinels:
            sentinel.kill()
        time.sleep(3)
        for sentinel in stack.redis.sentinels:
            sentinel.start()
        stack.redis.wait_ok()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger
    stack.check_all(ledger)


def check_nothing_is_lost(stack, fault):
    ledger = under_load(stack, fault)
    assert set(ledger.statuses) <= {200, 503, 504}, ledger
    stack.check_all(ledger)


def test_what_a_replica_has_too_survives_a_failover_that_was_asked_for(start_spread):
    stack = start_spread(service=WAITS)
    check_nothing_is_lost(stack, stack.redis.fail_over)


def test_what_a_replica_has_too_survives_the_master(start_spread):
    """With a replica left that can be waited for."""
    stack = start_spread(redis={"replicas": 2}, service=WAITS)
    check_nothing_is_lost(stack, stack.redis.kill_master)


def test_passwords_of_redis_and_of_the_sentinels(start_spread):
    stack = start_spread(redis={"replicas": 2, "password": "of-redis", "sentinel_password": "of-sentinel"})
    assert increment(stack.gateway, "a", "hit", increment=3).status == 200
    stack.redis.call("WAIT", 1, 5000)
    stack.redis.kill_master()
    stack.wait_ready()
    assert read(stack.gateway, "a", "hit") == 3
