"""The law of exact counting, and the ledger that clients keep for it."""

from collections import Counter

ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


class Ledger:
    """What clients were told about their increments. Sums are over the deltas, by counter."""

    def __init__(self):
        self.sums = {ACKNOWLEDGED: Counter(), REFUSED: Counter(), UNKNOWN: Counter()}
        self.statuses = Counter()  # of responses; 0: the connection was lost, -1: there was none
        self.violations = []  # answers that the contract does not allow
        self.slowest = 0.0  # seconds, of one response

    def add(self, outcome, counter, delta):
        self.sums[outcome][counter] += delta

    def merge(self, other):
        for outcome, sums in self.sums.items():
            sums.update(other.sums[outcome])
        self.statuses.update(other.statuses)
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
    _check_answers(ledger)
    for counter in ledger.counters():
        least = ledger.sums[ACKNOWLEDGED][counter]
        most = least + ledger.sums[UNKNOWN][counter]
        assert least <= values[counter] <= most, f"{counter}: {values[counter]} is not in {least}..{most}; {ledger}"


def check_no_more(ledger, values):
    """What is left of the law when Redis may forget what it acknowledged: final value <= acknowledged + unknown."""
    _check_answers(ledger)
    for counter in ledger.counters():
        most = ledger.sums[ACKNOWLEDGED][counter] + ledger.sums[UNKNOWN][counter]
        assert values[counter] <= most, f"{counter}: {values[counter]} is over {most}; {ledger}"


def check_exact(ledger, values):
    """Every increment carried a key and was retried until it was acknowledged."""
    _check_answers(ledger)
    for counter in ledger.counters():
        expected = ledger.sums[ACKNOWLEDGED][counter]
        assert values[counter] == expected, f"{counter}: {values[counter]} is not {expected}; {ledger}"


def _check_answers(ledger):
    assert not ledger.violations, f"{len(ledger.violations)} answers break the contract: {ledger.violations[:5]}"
    assert ledger.total(ACKNOWLEDGED) > 0, f"nothing was acknowledged: {ledger}"
