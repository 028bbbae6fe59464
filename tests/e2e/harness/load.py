"""Clients that increment over keep-alive connections and keep a ledger of what they were told."""

import itertools
import random
import threading
import time
import uuid

from harness.http_client import HttpConnection
from harness.law import ACKNOWLEDGED, REFUSED, UNKNOWN, Ledger

_BATCH_EVERY = 10  # one request in so many is a batch call
_BATCH_ITEMS = 8
# Seconds between two requests of a client. So that some 50 of them leave a core to the stack under load, and to three
# others beside it on two cores: where none is free, what fails is the machine.
PAUSE = 0.03
_GIVE_UP = 30  # seconds of retrying one increment with its key
_users = itertools.count()


class _Item:
    def __init__(self, counter, delta, key):
        self.counter = counter
        self.delta = delta
        self.key = key
        self.user = f"u{next(_users)}"  # so that no two events are the same

    def json(self):
        resource_id, counter_type = self.counter
        return {
            "resource_id": resource_id,
            "counter_type": counter_type,
            "increment": self.delta,
            "user_id": self.user,
        }


class _Client(threading.Thread):
    def __init__(self, load):
        super().__init__(daemon=True)
        self._load = load
        self._connection = None
        self.ledger = Ledger()

    def run(self):
        try:
            for number in itertools.count():
                if self._load.stopping.is_set():
                    return
                items = self._load.items(_BATCH_ITEMS if number % _BATCH_EVERY == 0 else 1)
                if self._load.keyed:
                    self._increment_until_acknowledged(items)
                else:
                    self._increment_once(items)
                time.sleep(self._load.pause)
        except Exception as error:  # must reach the test, not only the screen
            self.ledger.violations.append(repr(error))
        finally:
            self._disconnect()

    def _increment_once(self, items):
        outcomes = self._attempt(items)
        for item, outcome in zip(items, outcomes, strict=True):
            self.ledger.add(outcome, item.counter, item.delta)
        if ACKNOWLEDGED not in outcomes:
            time.sleep(0.01)

    def _increment_until_acknowledged(self, items):
        end = time.monotonic() + _GIVE_UP
        while items:
            outcomes = self._attempt(items)
            left = []
            for item, outcome in zip(items, outcomes, strict=True):
                if outcome == ACKNOWLEDGED:
                    self.ledger.add(outcome, item.counter, item.delta)
                else:
                    left.append(item)
            items = left
            if items:
                assert time.monotonic() < end, f"not acknowledged in {_GIVE_UP} s"
                time.sleep(0.02)

    def _attempt(self, items):
        """One request; the outcome of each item."""
        method = ["POST"]
        if len(items) == 1:
            key = items[0].key
            headers = [("Idempotency-Key", key)] if key else []
            method += ["/api/v1/counter/increment", items[0].json(), headers]
        else:
            body = [item.json() | ({"idempotency_key": item.key} if item.key else {}) for item in items]
            method += ["/api/v1/counter/increment/batch", {"increments": body}]
        response, outcome = self._exchange(method)
        if response is None:
            return [outcome] * len(items)
        if response.status == 503 and response.header("retry-after") is None:
            self.ledger.violations.append("503 without Retry-After")
        if response.status != 200:
            return [self._outcome(response.status, response.json())] * len(items)
        if len(items) == 1:
            return [ACKNOWLEDGED]
        results = response.json()["results"]
        assert len(results) == len(items), f"{len(results)} results for {len(items)} items"
        return [self._item_outcome(result) for result in results]

    def _exchange(self, arguments):
        """The response; or None, and what that says about the request."""
        started = time.monotonic()
        try:
            if self._connection is None:
                self._connection = HttpConnection(self._load.port())
        except OSError:
            self.ledger.statuses[-1] += 1
            return None, REFUSED
        try:
            response = self._connection.request(*arguments)
        except OSError as error:
            if isinstance(error, TimeoutError):
                self.ledger.violations.append("no response in 10 s")
            self.ledger.statuses[0] += 1
            self._disconnect()
            return None, UNKNOWN
        self.ledger.slowest = max(self.ledger.slowest, time.monotonic() - started)
        self.ledger.statuses[response.status] += 1
        if response.closes:
            self._disconnect()
        return response, None

    def _item_outcome(self, result):
        if "error" in result:
            return self._outcome(result["error"]["status"], result["error"])
        return ACKNOWLEDGED

    def _outcome(self, status, problem):
        """By the contract: 503 is not applied, 504 unknown; nothing else may happen to a good request."""
        outcome = problem.get("outcome")
        if (status, outcome) not in ((503, "not_applied"), (504, "unknown")):
            self.ledger.violations.append((status, problem))
        return REFUSED if outcome == "not_applied" else UNKNOWN

    def _disconnect(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Load:
    """connections clients, together over a few counters of their own. port: of a gateway, or a function that names one
    for each new connection. keyed: every increment carries a key and is retried until it is acknowledged. Usable in a
    with statement, which stops it."""

    def __init__(self, port, connections=50, keyed=False, counters=20, pause=PAUSE):
        self.port = port if callable(port) else lambda: port
        self.keyed = keyed
        self.pause = pause
        self.stopping = threading.Event()
        name = uuid.uuid4().hex[:8]
        self._counters = [(f"load-{name}-{number}", "hit") for number in range(counters)]
        self._clients = [_Client(self) for _ in range(connections)]

    def items(self, count):
        return [
            _Item(random.choice(self._counters), random.randint(1, 3), uuid.uuid4().hex if self.keyed else None)
            for _ in range(count)
        ]

    def __enter__(self):
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()

    def stop(self):
        """Lets every client finish what it is at; returns the ledger of all."""
        self.stopping.set()
        ledger = Ledger()
        for client in self._clients:
            client.join(_GIVE_UP + 20)
            assert not client.is_alive(), "a client hangs"
            ledger.merge(client.ledger)
        return ledger
