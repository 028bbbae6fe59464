"""The programs themselves are stopped, killed and restarted under load."""

import time

import pytest

from harness.daemons import SHIPPED_TIMEOUTS
from harness.faults import FAULT_SECONDS, REQUEST_TIMEOUT, under_load
from harness.law import UNKNOWN
from harness.load import Load
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(service=SHIPPED_TIMEOUTS, gateway=SHIPPED_TIMEOUTS)


def test_the_service_stopped_for_15_seconds(stack):
    """What it had read before counts by its deadline or not at all."""

    def fault():
        stack.service.pause()
        time.sleep(15)
        stack.service.resume()

    under_load(stack, fault, settle=2)


def test_the_service_killed_and_restarted(stack):
    def fault():
        stack.service.kill()
        time.sleep(1.5)
        stack.service.start()

    ledger = under_load(stack, fault)
    assert {status for status in ledger.statuses if status > 0} <= {200, 503, 504}, ledger
    assert ledger.statuses[503] > 0, f"while nobody serves the answer is 503 at once: {ledger}"


def test_the_gateway_killed_while_clients_retry_with_their_keys(stack):
    def fault():
        stack.gateway.kill()
        time.sleep(0.5)
        stack.gateway.start()

    under_load(stack, fault)


def test_the_service_drains_under_load(stack):
    def fault():
        stack.service.stop()
        stack.service.start()

    ledger = under_load(stack, fault)
    assert ledger.total(UNKNOWN) == 0, f"a drained service leaves nobody without an answer: {ledger}"


def test_everything_killed_at_once(stack):
    def fault():
        for process in (stack.redis, stack.service, stack.gateway):
            process.kill()
        for process in (stack.redis, stack.service, stack.gateway):
            process.start()

    under_load(stack, fault)


def test_a_gateway_whose_service_is_gone_refuses_at_once(stack):
    """It does not hang until the deadline."""
    stack.service.kill()
    wait_until(lambda: stack.gateway.get("/health/ready").status == 503)
    with Load(stack.gateway.port, connections=20) as load:
        time.sleep(FAULT_SECONDS)
        ledger = load.stop()
    stack.service.start()
    stack.wait_ready()
    assert set(ledger.statuses) == {503}, ledger
    assert ledger.slowest < REQUEST_TIMEOUT, ledger
