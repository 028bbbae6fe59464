"""Callers of batches of 1000: what fits into the deadline is served, single increments find their way between, and
memory stays bounded. How many that are depends on what the machine does in a second."""

import time

import pytest

from harness import law
from harness.batch_callers import call_for, call_once
from harness.daemons import SHIPPED_TIMEOUTS
from harness.exposition import scrape, writes
from harness.law import ACKNOWLEDGED, UNKNOWN
from harness.paths import MEMORY_FACTOR

pytestmark = pytest.mark.timeout(300)

BATCH = 1000
# The longest that requests may be given: counter_service.max_deadline.
REQUEST_SECONDS = 4
SINGLES = 5


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(gateway={"SERVER_LOOPS": 1})


def callers_that_fit(stack, resource, most):
    """So many callers with a batch each take at most a third of what a request is given: measured one by one, which
    is slower than all at once."""
    batches = 5
    started = time.monotonic()
    for _ in range(batches):
        call_once(stack.gateway.port, f"{resource}-measured", 1)
    a_second = batches / (time.monotonic() - started)
    return max(2, min(most, int(a_second * REQUEST_SECONDS / 3)))


def check_values(stack, *ledgers):
    """Calls that ended unknown may have opened the service's breaker: it is read when the gateway is ready again."""
    stack.gateway.wait_ready()
    for ledger in ledgers:
        law.check(ledger, stack.values(ledger.counters()))


def test_fifty_callers_at_once_are_all_served(stack, resource):
    callers = callers_that_fit(stack, resource, 50)
    ledger = call_once(stack.gateway.port, resource, callers)
    assert dict(ledger.statuses) == {200: callers}, ledger
    assert ledger.total(ACKNOWLEDGED) == callers * BATCH, ledger
    check_values(stack, ledger)


def test_twenty_callers_and_single_increments_are_all_served(stack, resource):
    callers = callers_that_fit(stack, resource, 20)
    batches, singles = call_for(stack.gateway.port, resource, 3, callers, SINGLES)
    assert set(batches.statuses) == {200} and set(singles.statuses) == {200}, (batches, singles)
    assert batches.statuses[200] >= callers and singles.statuses[200] >= SINGLES
    assert batches.total(ACKNOWLEDGED) == batches.statuses[200] * BATCH
    check_values(stack, batches, singles)


def test_a_narrow_service_sheds_and_everything_is_served_all_the_same(start_stack, resource):
    """Its queue holds two batches, and it says so; what it shed is sent again."""
    stack = start_stack(service={"COUNTER_SERVICE_QUEUE": 2 * BATCH}, gateway={"SERVER_LOOPS": 1})
    callers = callers_that_fit(stack, resource, 20)
    batches, singles = call_for(stack.gateway.port, resource, 3, callers, SINGLES)
    assert set(batches.statuses) == {200} and set(singles.statuses) == {200}, (batches, singles)
    check_values(stack, batches, singles)
    accepted, ended = writes(stack.gateway)
    assert accepted == ended["applied"]
    assert BATCH <= scrape(stack.gateway).sum("tally_send_window_items") <= 4096


def test_2500_callers_at_once_are_served_as_far_as_it_goes(start_stack, resource):
    stack = start_stack(service=SHIPPED_TIMEOUTS, gateway=SHIPPED_TIMEOUTS | {"SERVER_LOOPS": 1})
    ledger = call_once(stack.gateway.port, resource, 2500)
    memory = stack.gateway.peak_mib(), stack.service.peak_mib()
    print(ledger, memory)
    assert set(ledger.statuses) <= {200, 503, 504}, ledger
    assert ledger.statuses[200] >= 5, ledger
    check_values(stack, ledger)
    assert memory[0] < 400 * MEMORY_FACTOR and memory[1] < 100 * MEMORY_FACTOR, f"{memory} MiB"
    accepted, ended = writes(stack.gateway)
    assert accepted == sum(ended.values()), ended


def test_single_increments_are_served_beside_any_number_of_callers(start_stack, resource):
    """Many more than server.max_pending takes, over and over: the last eighth of it is not theirs, and they wait for
    the rest of it until their deadline."""
    stack = start_stack(gateway={"SERVER_LOOPS": 1, "SERVER_MAX_PENDING": 8 * BATCH})
    batches, singles = call_for(stack.gateway.port, resource, 4, 100, SINGLES)
    print(batches, singles)
    assert set(batches.statuses) <= {200, 503} and batches.statuses[200] > 0, batches
    assert singles.statuses[503] == 0 and singles.total(UNKNOWN) <= singles.total(ACKNOWLEDGED) / 10, singles
    check_values(stack, batches, singles)
    told = batches.problems["not-sent-in-time"] + singles.problems["not-sent-in-time"]
    assert scrape(stack.gateway).sum("tally_shed_total", reason="not_in_time") == told, batches.problems


def test_callers_that_wait_until_their_deadline_are_told(start_stack, resource):
    stack = start_stack(gateway={"SERVER_LOOPS": 1, "SERVER_REQUEST_TIMEOUT": "700ms"})
    batches, _ = call_for(stack.gateway.port, resource, 3, 1500, 0)
    print(batches)
    assert set(batches.statuses) <= {200, 503, 504} and batches.statuses[200] > 0 and batches.statuses[503] > 0, batches
    check_values(stack, batches)
    assert scrape(stack.gateway).sum("tally_shed_total", reason="not_in_time") > 0
    accepted, ended = writes(stack.gateway)
    assert accepted == sum(ended.values()), ended
