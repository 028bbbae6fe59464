"""The law of exact counting, and the ledger that clients keep for it."""

import math
from collections import Counter

ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


class Ledger:
    """What clients were told about their increments. Sums are over the deltas, by counter."""

    def __init__(self):
        self.sums = {ACKNOWLEDGED: Counter(), REFUSED: Counter(), UNKNOWN: Counter()}
        self.statuses = Counter()  # of responses; 0: the connection was lost, -1: there was none
        self.problems = Counter()  # of responses that tell of it, whole or in an item, by the last part of its type
        self.violations = []  # answers that the contract does not allow
        self.slowest = 0.0  # seconds, of one response

    def add(self, outcome, counter, delta):
        self.sums[outcome][counter] += delta

    def merge(self, other):
        for outcome, sums in self.sums.items():
            sums.update(other.sums[outcome])
        self.statuses.update(other.statuses)
        self.problems.update(other.problems)
        self.violations += other.violations
        self.slowest = max(self.slowest, other.slowest)

    def total(self, outcome):
        return self.sums[outcome].total()

    def counters(self):
        return sorted(set().union(*self.sums.values()))

    def __repr__(self):
        totals = {outcome: self.total(outcome) for outcome in self.sums}
        return (
            f"<{totals} statuses {dict(self.statuses)} slowest {self.slowest:.2f} s violations {self.violations[:3]}>"
        )


def check(ledger, values):
    """acknowledged <= final value <= acknowledged + unknown, for every counter."""
    acknowledged, unknown = ledger.sums[ACKNOWLEDGED], ledger.sums[UNKNOWN]
    _check_each(ledger, values, lambda counter: (acknowledged[counter], acknowledged[counter] + unknown[counter]))


def check_no_more(ledger, values):
    """What is left of the law when Redis may forget what it acknowledged: final value <= acknowledged + unknown."""
    acknowledged, unknown = ledger.sums[ACKNOWLEDGED], ledger.sums[UNKNOWN]
    _check_each(ledger, values, lambda counter: (-math.inf, acknowledged[counter] + unknown[counter]))


def least_loss(ledger, values):
    """How much of what was acknowledged is missing: more is, where something unknown was applied."""
    acknowledged = ledger.sums[ACKNOWLEDGED]
    return sum(max(0, acknowledged[counter] - values[counter]) for counter in ledger.counters())


def check_exact(ledger, values):
    """Every increment carried a key and was retried until it was acknowledged."""
    acknowledged = ledger.sums[ACKNOWLEDGED]
    _check_each(ledger, values, lambda counter: (acknowledged[counter], acknowledged[counter]))


def _check_each(ledger, values, bounds):
    """bounds: of a counter's value, least and most."""
    assert not ledger.violations, f"{len(ledger.violations)} answers break the contract: {ledger.violations[:5]}"
    assert ledger.total(ACKNOWLEDGED) > 0, f"nothing was acknowledged: {ledger}"
    counters = ledger.counters()
    wrong = []
    for counter in counters:
        least, most = bounds(counter)
        if not least <= values[counter] <= most:
            wrong.append(f"{counter}: {values[counter]} is not in {least}..{most}")
    assert not wrong, f"{len(wrong)} of {len(counters)} counters are wrong: {wrong[:5]}; {ledger}"
