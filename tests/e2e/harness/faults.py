"""Runs load around a fault and checks what must hold after every one of them."""

import os
import time

from harness import law
from harness.load import PAUSE, Load

# Seconds of load before the fault and after it.
FAULT_SECONDS = float(os.environ.get("FAULT_SECONDS", "1.5"))

REQUEST_TIMEOUT = 2
# What a shared, busy machine may add to it.
SLACK = 4


def under_load(stack, fault, settle=0.5, slack=SLACK, pause=PAUSE, loses=False):
    """Load on 50 connections, fault(), recovery, load; then the law. Half of the clients send keys and retry, the
    others do not. settle: seconds for late writes to show up; slack: how late an answer may be; pause: between two
    requests of a client; loses: Redis may forget what it acknowledged, and how much it did is printed. Returns the
    ledger of all."""
    half = {"port": stack.load_port, "connections": 25, "pause": pause}
    with Load(**half) as plain_load, Load(**half, keyed=True) as keyed_load:
        time.sleep(FAULT_SECONDS)
        fault()
        stack.wait_ready()
        time.sleep(FAULT_SECONDS)
        plain, keyed = plain_load.stop(), keyed_load.stop()
    stack.wait_ready()
    time.sleep(settle)
    print(f"without keys: {plain}\nwith keys: {keyed}")
    for ledger, check in ((plain, law.check), (keyed, law.check_exact)):
        values = stack.values(ledger.counters())
        if loses:
            print(f"lost at least {law.least_loss(ledger, values)} of {ledger.total(law.ACKNOWLEDGED)}")
        (law.check_no_more if loses else check)(ledger, values)
    plain.merge(keyed)
    assert plain.slowest < REQUEST_TIMEOUT + slack, plain
    _check_serves(stack)
    return plain


def _check_serves(stack):
    """No worker is stuck: a second of load on many connections sees nothing but 200."""
    with Load(stack.load_port, connections=20) as load:
        time.sleep(1)
        ledger = load.stop()
    assert set(ledger.statuses) == {200}, f"not well again: {ledger}"
    law.check(ledger, stack.values(ledger.counters()))
