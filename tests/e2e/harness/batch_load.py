"""A client that sends batches."""

import random
import threading
import time

from harness.calls import increment_batch, item
from harness.law import ACKNOWLEDGED, REFUSED, UNKNOWN, Ledger

BATCH = 500


class BatchLoad(threading.Thread):
    """Sends batches over so many counters, one batch after the other, until it is told to stop."""

    def __init__(self, gateway, counters, pause=0.01, deltas=(-1, 1, 2, 3)):
        super().__init__(daemon=True)
        self.ledger = Ledger()
        self.sent = 0
        self._gateway, self._resources, self._pause, self._deltas = gateway, counters, pause, deltas
        self._stopping = threading.Event()

    def run(self):
        while not self._stopping.is_set():
            self._send()
            time.sleep(self._pause)

    def stop(self):
        self._stopping.set()
        self.join(30)

    def _send(self):
        counters = [(f"r{random.randrange(self._resources)}", "hit") for _ in range(BATCH)]
        deltas = [random.choice(self._deltas) for _ in counters]
        items = [item(*counter, increment=delta) for counter, delta in zip(counters, deltas, strict=True)]
        self.sent += BATCH
        for counter, delta, outcome in zip(counters, deltas, self._outcomes(items), strict=True):
            self.ledger.add(outcome, counter, delta)

    def _outcomes(self, items):
        try:
            response = increment_batch(self._gateway, items)
        except OSError:
            return [UNKNOWN] * len(items)
        if response.status != 200:
            return [self._outcome(response.json())] * len(items)
        return [self._outcome(result.get("error")) for result in response.json()["results"]]

    @staticmethod
    def _outcome(problem):
        if problem is None:
            return ACKNOWLEDGED
        return REFUSED if problem["outcome"] == "not_applied" else UNKNOWN
