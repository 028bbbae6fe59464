"""A million increments by many clients of both kinds, with repeated keys among them: every sum is exact."""

import itertools
import random
import threading
import time
from collections import Counter

import pytest

from harness.calls import INCREMENT, INCREMENT_BATCH, item
from harness.http_client import HttpConnection
from harness.stubs import CounterServiceStub, pb

pytestmark = pytest.mark.timeout(180)

CLIENTS = 24
INCREMENTS = 1_000_000
COUNTERS = 1_000
BATCH = 1_000
BATCHES_EACH = INCREMENTS // CLIENTS // BATCH + 1
KEYED_OF_A_BATCH = 100  # each key twice in the batch
RESENT = 5  # every fifth batch of keys is sent again as a whole
SINGLE_EACH = 100


@pytest.fixture(scope="module")
def stack(start_stack):
    """Nothing is to be shed or late here, however slow the machine: room for a batch of every client, and time."""
    time_enough = {"COUNTER_SERVICE_MAX_DEADLINE": "30s", "COUNTER_SERVICE_QUEUE_TIME": "20s"}
    return start_stack(
        service=time_enough | {"COUNTER_SERVICE_QUEUE": CLIENTS * BATCH * 2, "REDIS_TIMEOUT": "10s"},
        gateway=time_enough | {"SERVER_REQUEST_TIMEOUT": "20s", "GRPC_COUNTER_SERVICE_ATTEMPT_TIMEOUT": "15s"},
    )


class Client(threading.Thread):
    """Keeps the sums that must be there in the end. Subclasses send."""

    def __init__(self, stack, number, names):
        super().__init__(daemon=True)
        self.stack = stack
        self.random = random.Random(number)
        self.names = names
        self.keys = (f"{number}-{key}" for key in itertools.count())
        self.seen = set()
        self.sums = Counter()
        self.sent = 0
        self.error = None

    def run(self):
        try:
            with self.connect() as connection:
                for number in range(BATCHES_EACH):
                    self.send_batch(connection, self.plain_items(BATCH - 2 * KEYED_OF_A_BATCH) + self.keyed_items())
                    if number % RESENT == 0:
                        items = self.keyed_items()
                        self.send_batch(connection, items)
                        self.send_batch(connection, items)
                for one in self.plain_items(SINGLE_EACH):
                    self.send_one(connection, *one[:2])
        except Exception as error:
            self.error = error

    def plain_items(self, count):
        """(name, delta, no key), all of which count."""
        items = [
            (self.random.choice(self.names), self.random.choice((1, 1, 1, 2, -1, 10**9)), "") for _ in range(count)
        ]
        for name, delta, _ in items:
            self.sums[name] += delta
        return items

    def keyed_items(self):
        """As above with keys; every one is there twice and counts once."""
        items = [(name, delta, next(self.keys)) for name, delta, _ in self.plain_items(KEYED_OF_A_BATCH)]
        items += items
        self.random.shuffle(items)
        return items

    def send_batch(self, connection, items):
        """Every key of the batch but its first time is a replay."""
        replays = self.batch(connection, items)
        assert len(replays) == len(items)
        seen = self.seen
        for (_, _, key), replayed in zip(items, replays, strict=True):
            assert replayed == (key in seen), f"key {key!r}: replayed is {replayed}"
            if key:
                seen.add(key)
        self.sent += len(items)


class GrpcClient(Client):
    def connect(self):
        return self.stack.service.channel()

    def batch(self, channel, items):
        requests = [
            pb.IncrementRequest(resource_id=name, counter_type="hit", delta=delta, idempotency_key=key)
            for name, delta, key in items
        ]
        reply = CounterServiceStub(channel).BatchIncrement(pb.BatchIncrementRequest(items=requests), timeout=25)
        assert all(result.code == 0 for result in reply.results)
        return [result.replayed for result in reply.results]

    def send_one(self, channel, name, delta):
        CounterServiceStub(channel).Increment(
            pb.IncrementRequest(resource_id=name, counter_type="hit", delta=delta), timeout=25
        )


class HttpClient(Client):
    def connect(self):
        return HttpConnection(self.stack.gateway.port, timeout=25)

    def batch(self, connection, items):
        body = [
            item(name, "hit", increment=delta) | ({"idempotency_key": key} if key else {}) for name, delta, key in items
        ]
        response = connection.request("POST", INCREMENT_BATCH, {"increments": body})
        assert response.status == 200, response
        results = response.json()["results"]
        assert not any("error" in result for result in results)
        return [result.get("replayed", False) for result in results]

    def send_one(self, connection, name, delta):
        response = connection.request("POST", INCREMENT, item(name, "hit", increment=delta))
        assert response.status == 200, response


def test_a_million_increments_are_counted_exactly(stack):
    names = [f"exact-{number}" for number in range(COUNTERS)]
    clients = [(GrpcClient if number % 2 else HttpClient)(stack, number, names) for number in range(CLIENTS)]
    started = time.monotonic()
    for client in clients:
        client.start()
    expected = Counter()
    for client in clients:
        client.join()
        assert client.error is None, repr(client.error)
        expected.update(client.sums)
    seconds = time.monotonic() - started
    sent = sum(client.sent for client in clients)
    assert sent >= INCREMENTS
    values = stack.values((name, "hit") for name in names)
    wrong = {name: (values[name, "hit"], expected[name]) for name in names if values[name, "hit"] != expected[name]}
    assert not wrong, f"{len(wrong)} of {COUNTERS} sums are wrong (value, expected): {dict(list(wrong.items())[:5])}"
    print(f"{sent} increments in {seconds:.1f} s")
