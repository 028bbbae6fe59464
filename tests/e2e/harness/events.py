"""Events as a consumer sees them, and what must hold for them."""

import json
from collections import Counter
from dataclasses import dataclass

from harness.stubs import event_pb2
from harness.wait import wait_until

CLOUD_EVENT = {"ce_specversion": "1.0", "ce_type": "tally.counter.changed.v1"}


@dataclass(frozen=True)
class Event:
    event_id: str
    resource_id: str
    counter_type: str
    user_id: str
    delta: int
    value: int

    @property
    def counter(self):
        return self.resource_id, self.counter_type

    @property
    def place(self):
        """What ids of one counter compare by."""
        return [int(number) for number in self.event_id.split("-")[1:]]


def _of_json(value):
    found = json.loads(value)
    assert set(found) - {"user_id"} == {"event_id", "resource_id", "counter_type", "delta", "value", "occurred_at"}
    time = found.pop("occurred_at")
    return Event(**{"user_id": "", **found}), time


def _of_protobuf(value):
    found = event_pb2.CounterChanged.FromString(value)
    assert not found.value_unknown
    names = ("event_id", "resource_id", "counter_type", "user_id", "delta", "value")
    return Event(*(getattr(found, name) for name in names)), None


def event_of(message):
    """Of a message of the topic, whose key and headers must agree with its value."""
    headers = {name: value.decode() for name, value in message.headers.items()}
    read = {"application/json": _of_json, "application/protobuf": _of_protobuf}[headers["content-type"]]
    event, time = read(message.value)
    assert {name: headers[name] for name in CLOUD_EVENT} == CLOUD_EVENT
    assert headers["ce_id"] == event.event_id and headers["ce_subject"] == event.resource_id
    assert headers["ce_source"].startswith(f"urn:tally:store:{event.event_id.split('-')[0]}")
    assert time in (None, headers["ce_time"])
    assert message.key.decode() == event.resource_id
    return event


def first_occurrences(messages):
    """By event_id, in the order of the topic. Checks that a repetition says the same."""
    seen = {}
    for message in messages:
        event = event_of(message)
        assert seen.setdefault(event.event_id, event) == event
    return list(seen.values())


class Chain:
    """What a consumer keeps of each counter: its last place and value, and the sum of its deltas. Every first
    occurrence must continue its counter: its value is the one before and its delta, so none is missing and none comes
    too early or late."""

    def __init__(self):
        self.values, self.sums = {}, Counter()
        self.events, self.repetitions = 0, 0
        self._places = {}

    def add(self, event):
        if event.place <= self._places.get(event.counter, []):
            self.repetitions += 1
            return
        before = self.values.get(event.counter, 0)
        assert event.value == before + event.delta, f"{event} after {before}"
        self.values[event.counter], self._places[event.counter] = event.value, event.place
        self.sums[event.counter] += event.delta
        self.events += 1


def check_chain(events):
    """Returns the last value of each counter."""
    chain = Chain()
    for event in events:
        chain.add(event)
    assert chain.repetitions == 0
    return chain.values


def events_health(service):
    """The component `events` of the service's /health."""
    return service.get("/health").json()["components"]["events"]


def wait_published(redis, timeout=60, partitions=1):
    """Until the outboxes are empty: an entry leaves its one once Kafka has acknowledged all its events."""
    for number in range(partitions):
        key = f"tally:{{p{number}}}:events"
        wait_until(lambda key=key: redis.call("XLEN", key) == 0, timeout, what=f"{key} to be published")
