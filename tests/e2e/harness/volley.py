"""Many batch calls in flight at once, every item of them a counter of its own: whatever counts twice is seen."""

import json
import random
import threading
import time
import uuid

from harness.calls import INCREMENT_BATCH
from harness.http_client import HttpConnection, request_bytes
from harness.law import ACKNOWLEDGED, REFUSED, UNKNOWN, Ledger

BATCHES = 240
_ITEMS = (40, 160)  # of one batch, least and most
_PATIENCE = 8  # seconds for the answers of all
_GIVE_UP = 60  # seconds of sending again


class _Batch:
    """One call on a connection of its own."""

    def __init__(self, port, counters, keyed):
        self.counters = counters
        items = [{"resource_id": resource, "counter_type": kind} for resource, kind in counters]
        if keyed:
            items = [item | {"idempotency_key": item["resource_id"]} for item in items]
        body = json.dumps({"increments": items}, separators=(",", ":")).encode()
        self._request = request_bytes("POST", INCREMENT_BATCH, body)
        self._connection = HttpConnection(port, timeout=_PATIENCE)

    def send(self):
        self._connection.send(self._request)

    def outcomes(self, end, ledger):
        """Of each item, as known at the monotonic time `end`."""
        self._connection.socket.settimeout(max(end - time.monotonic(), 0.001))
        try:
            response = self._connection.response()
        except OSError:
            ledger.statuses[0] += 1
            return [UNKNOWN] * len(self.counters)
        finally:
            self._connection.close()
        ledger.statuses[response.status] += 1
        body = response.json()
        if response.status != 200:
            return [_outcome(ledger, response.status, body)] * len(self.counters)
        return [
            _outcome(ledger, result["error"]["status"], result["error"]) if "error" in result else ACKNOWLEDGED
            for result in body["results"]
        ]


def _outcome(ledger, status, problem):
    """By the contract: 503 is not applied, 504 unknown; nothing else may happen to a good request."""
    outcome = problem.get("outcome")
    if (status, outcome) not in ((503, "not_applied"), (504, "unknown")):
        ledger.violations.append((status, problem))
    return REFUSED if outcome == "not_applied" else UNKNOWN


class Volley:
    """port: of a gateway, or a function that names one for each connection. keyed: every item carries a key, and is
    sent again until it is acknowledged. The increments are of 1."""

    def __init__(self, port, batches=BATCHES, keyed=False):
        self._port = port if callable(port) else lambda: port
        self._keyed = keyed
        self._ledger = Ledger()
        name = uuid.uuid4().hex[:12]
        self._batches = []
        for batch in range(batches):
            self._add([(f"{name}-{batch}-{item}", "hit") for item in range(random.randint(*_ITEMS))])

    def _add(self, counters):
        self._batches.append(_Batch(self._port(), counters, self._keyed))

    def send(self, fault=None):
        """All of it; the fault when half of it is under way."""
        for number, batch in enumerate(self._batches):
            if fault is not None and number == len(self._batches) // 2:
                fault()
            batch.send()

    def collect(self):
        """Waits for the answers; returns the ledger."""
        end = time.monotonic() + _GIVE_UP
        self._take_answers()
        while self._batches:
            assert time.monotonic() < end, f"not acknowledged in {_GIVE_UP} s: {self._ledger}"
            time.sleep(0.1)
            self.send()
            self._take_answers()
        return self._ledger

    def _take_answers(self):
        """What must be sent again becomes batches again."""
        batches, self._batches = self._batches, []
        end = time.monotonic() + _PATIENCE
        for batch in batches:
            outcomes = batch.outcomes(end, self._ledger)
            left = []
            for counter, outcome in zip(batch.counters, outcomes, strict=True):
                if self._keyed and outcome != ACKNOWLEDGED:
                    left.append(counter)
                else:
                    self._ledger.add(outcome, counter, 1)
            if left:
                self._add(left)


class Trickle(threading.Thread):
    """Small volleys, one after the other, until it is stopped."""

    def __init__(self, port, pause=0.25, **settings):
        super().__init__(daemon=True)
        self._new = lambda: Volley(port, batches=4, **settings)
        self._pause = pause
        self._stopping = threading.Event()
        self._ledger = Ledger()
        self.start()

    def run(self):
        try:
            while not self._stopping.wait(self._pause):
                volley = self._new()
                volley.send()
                self._ledger.merge(volley.collect())
        except Exception as error:  # must reach the test, not only the screen
            self._ledger.violations.append(repr(error))

    def stop(self):
        """Returns the ledger."""
        self._stopping.set()
        self.join(_GIVE_UP + _PATIENCE)
        assert not self.is_alive(), "the load hangs"
        return self._ledger
