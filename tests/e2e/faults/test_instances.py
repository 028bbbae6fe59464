"""Services die, stop and join under load, behind two gateways that find them by Consul."""

import statistics
import time

import pytest

from harness.calls import INCREMENT, item
from harness.exposition import calls_answered, scrape
from harness.faults import FAULT_SECONDS, REQUEST_TIMEOUT, under_load
from harness.law import ACKNOWLEDGED, UNKNOWN
from harness.load import Load
from harness.problems import check_problem, check_retry_after
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

REFUSAL_SECONDS = 0.05


def wait_until_no_gateway_is_ready(stack):
    wait_until(lambda: not any(gateway.is_ready() for gateway in stack.gateways), what="the gateways to notice")


def test_one_of_two_killed_and_nobody_notices(patient_stack):
    victim, survivor = patient_stack.services

    def fault():
        victim.kill()
        patient_stack.wait_ready()
        assert patient_stack.gateway.instances_up() == [survivor.address]
        time.sleep(FAULT_SECONDS)
        victim.start()

    ledger = under_load(patient_stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_one_of_two_killed_again_and_again_and_nobody_notices(patient_stack):
    """Each is back before Consul has missed it, or soon after: the next one dies when all are called again."""
    everyone = sorted(service.address for service in patient_stack.services)

    def fault():
        for victim in patient_stack.services * 3:
            victim.kill()
            victim.start()
            wait_until(lambda: all(gateway.instances_up() == everyone for gateway in patient_stack.gateways))

    ledger = under_load(patient_stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_one_joins_under_load_and_takes_its_share(patient_stack):
    third = patient_stack.add_service()

    def fault():
        third.start()
        patient_stack.wait_joined(third)
        patient_stack.wait_ready()
        before = [calls_answered(service) for service in patient_stack.services]
        time.sleep(FAULT_SECONDS)
        shares = [calls_answered(one) - calls for one, calls in zip(patient_stack.services, before, strict=True)]
        assert min(shares) > sum(shares) / 6, shares
        patient_stack.remove_service(third)

    ledger = under_load(patient_stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_one_stopped_for_15_seconds_while_the_other_lives(stack):
    """What it had read before counts by its deadline or not at all."""
    victim, survivor = stack.services
    seen = []

    def fault():
        victim.pause()
        end = time.monotonic() + 15
        alone = [[survivor.address]] * len(stack.gateways)
        wait_until(lambda: [gateway.instances_up() for gateway in stack.gateways] == alone)
        with Load(stack.load_port, connections=20) as load:
            time.sleep(FAULT_SECONDS)
            seen.append(load.stop())
        assert [gateway.instances_up() for gateway in stack.gateways] == alone
        time.sleep(max(0, end - time.monotonic()))
        victim.resume()

    under_load(stack, fault, settle=2)
    assert set(seen[0].statuses) == {200}, f"soon only the other one is called: {seen[0]}"


def test_both_killed_and_restarted(stack):
    seen = []

    def fault():
        for service in stack.services:
            service.kill()
        wait_until_no_gateway_is_ready(stack)
        with Load(stack.load_port, connections=20) as load:
            time.sleep(FAULT_SECONDS)
            seen.append(load.stop())
        for service in stack.services:
            service.start()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) <= {200, 503, 504}, ledger
    assert set(seen[0].statuses) == {503} and seen[0].slowest < REQUEST_TIMEOUT, seen[0]


def test_without_any_instance_the_refusal_comes_at_once(stack):
    for service in stack.services:
        service.kill()
    wait_until_no_gateway_is_ready(stack)
    took = []
    with stack.gateway.connection() as connection:
        for _ in range(500):
            started = time.monotonic()
            response = connection.request("POST", INCREMENT, item("nobody"))
            took.append(time.monotonic() - started)
            check_problem(response, 503, "not_applied")
            check_retry_after(response)
    for service in stack.services:
        service.start()
    stack.wait_ready()
    assert statistics.median(took) < REFUSAL_SECONDS, (statistics.median(took), max(took))


def test_breakers_open_and_close_again_around_a_service_that_hangs(stack):
    """The shipped breaker, by its metrics; test_breaker.py has its rules one by one."""
    victim = stack.services[0]

    def states(gateway):
        exposition = scrape(gateway)
        opened = exposition.sum("tally_breaker_changes_total", state="open")
        return exposition.sum("tally_breaker_state", instance=victim.address), opened

    before = [states(gateway)[1] for gateway in stack.gateways]

    def fault():
        victim.pause()
        wait_until(lambda: all(states(one)[1] > old for one, old in zip(stack.gateways, before, strict=True)))
        time.sleep(1)
        victim.resume()

    ledger = under_load(stack, fault, settle=2)
    assert ledger.total(UNKNOWN) < ledger.total(ACKNOWLEDGED) / 10, ledger
    for gateway in stack.gateways:
        assert states(gateway)[0] == 0


def test_all_instances_leave_and_come_back_under_other_addresses(stack):
    """Consul names nobody for a while; then only new ones."""
    old = list(stack.services)

    def fault():
        for service in old:
            stack.remove_service(service)
        for _ in old:
            stack.add_service().start()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) <= {200, 503, 504}, ledger
