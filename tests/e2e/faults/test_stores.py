"""Redis and Consul break under load, beneath two services and two gateways."""

import time

import pytest

from harness import law
from harness.consul_agent import CRITICAL
from harness.exposition import scrape
from harness.faults import FAULT_SECONDS, REQUEST_TIMEOUT, under_load
from harness.load import Load
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


def wait_until_critical(stack):
    for name in ("counter-service", "gateway"):
        wait_until(lambda name=name: set(stack.consul.states(name).values()) == {CRITICAL}, what=f"{name} critical")


def test_redis_paused_for_five_seconds_is_answered_in_time_and_seen_in_consul(stack):
    def fault():
        stack.redis.pause()
        started = time.monotonic()
        wait_until_critical(stack)
        time.sleep(max(0, 5 - (time.monotonic() - started)))
        stack.redis.resume()

    ledger = under_load(stack, fault, settle=2, slack=1, pause=0.05)
    assert set(ledger.statuses) <= {200, 503, 504}, ledger
    assert ledger.statuses[503] > 0, ledger


def test_redis_killed_and_restarted(stack):
    def fault():
        stack.redis.kill()
        wait_until_critical(stack)
        stack.redis.start()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) <= {200, 503, 504}, ledger


def test_redis_killed_that_syncs_every_second_loses_no_more_than_it_may(stack):
    """What it forgets it forgets together with the keys of it: at most too little is counted, never too much."""
    stack.redis.config_set("appendfsync", "everysec")
    with Load(stack.load_port) as plain_load, Load(stack.load_port, connections=25, keyed=True) as keyed_load:
        time.sleep(FAULT_SECONDS)
        stack.redis.kill()
        stack.redis.start()  # as before: always
        stack.wait_ready()
        time.sleep(FAULT_SECONDS)
        plain, keyed = plain_load.stop(), keyed_load.stop()
    stack.wait_ready()
    time.sleep(0.5)
    for ledger in (plain, keyed):
        values = stack.values(ledger.counters())
        print(f"{ledger}: {sum(values.values())} counted")
        law.check_no_more(ledger, values)


def test_consul_killed_wiped_and_restarted_and_nobody_notices(patient_stack):
    stack, consul = patient_stack, patient_stack.consul

    def fault():
        before = sorted(consul.services())
        consul.kill()
        for gateway in stack.gateways:
            wait_until(lambda gateway=gateway: gateway.health()["components"]["consul"]["status"] != "ok")
            assert gateway.get("/health").status == 200 and gateway.is_ready()
        time.sleep(FAULT_SECONDS)
        back = time.time()
        consul.start()
        wait_until(lambda: sorted(consul.services()) == before, what="all to register again")
        stack.wait_ready()
        for gateway in stack.gateways:
            wait_until(lambda gateway=gateway: last_answer(gateway) >= back, what="the watch to return")

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def last_answer(gateway):
    return scrape(gateway).sum("tally_discovery_last_success_timestamp_seconds")


def test_the_watch_follows_after_consul_was_wiped(patient_stack):
    """A service that leaves is let go by what the new agent says."""
    stack = patient_stack
    stack.consul.restart()
    stack.wait_ready()
    third = stack.add_service()
    third.start()
    stack.wait_ready()
    assert third.address in stack.gateway.instances()
    stack.remove_service(third)
    stack.wait_ready()
    assert scrape(stack.gateway).sum("tally_discovery_instances") == 2


def test_consul_stopped_for_a_while_and_nobody_notices(patient_stack):
    """It takes connections and says nothing."""
    stack = patient_stack

    def fault():
        stack.consul.pause()
        time.sleep(8)
        assert all(gateway.is_ready() for gateway in stack.gateways)
        stack.consul.resume()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_consul_restarted_again_and_again_and_nobody_notices(patient_stack):
    stack = patient_stack

    def fault():
        for _ in range(3):
            stack.consul.restart()
            time.sleep(1)

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_a_service_dies_while_consul_is_gone_and_nobody_notices(patient_stack):
    """Its connections tell: the last good set is tried, and what does not answer is left out."""
    stack = patient_stack

    def fault():
        stack.consul.kill()
        time.sleep(FAULT_SECONDS)
        stack.services[0].kill()
        time.sleep(FAULT_SECONDS)
        stack.services[0].start()
        stack.consul.start()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_redis_and_consul_gone_together(stack):
    def fault():
        stack.consul.kill()
        stack.redis.kill()
        wait_until(lambda: not any(gateway.is_ready() for gateway in stack.gateways))
        time.sleep(FAULT_SECONDS)
        stack.redis.start()
        stack.consul.start()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) <= {200, 503, 504} and ledger.slowest < REQUEST_TIMEOUT + 4, ledger
