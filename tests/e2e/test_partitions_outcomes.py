"""Batches whose items lie in several partitions of a real store: each item has the end of its own part."""

import pytest

from harness.calls import INT64_MAX, increment, increment_batch, item, read_batch, set_value
from harness.exposition import scrape
from harness.problems import check_problem_document
from harness.stubs import CounterServiceStub, connect

PARTITIONS = 4
RESOURCES = [f"resource_{number}" for number in range(40)]


@pytest.fixture
def stack(start_stack):
    """A new one for each test: sessions are counted. Its one loop has one."""
    return start_stack(service={"REDIS_PARTITIONS": PARTITIONS}, gateway={"SERVER_LOOPS": 1})


def count_all(stack, delta=1):
    response = increment_batch(stack.gateway, [item(name, increment=delta) for name in RESOURCES])
    assert response.status == 200
    return response.json()["results"]


def read_all(stack):
    return read_batch(stack.gateway, [item(name) for name in RESOURCES]).json()["results"]


def values(stack):
    return [result["value"] for result in read_all(stack)]


def lost_sessions(stack):
    return scrape(stack.gateway).sum("tally_sessions_lost_total")


def keys_of(stack, pattern):
    """By partition."""
    keys = {}
    for key in stack.redis.client().keys(pattern):
        keys.setdefault(key.split(b":")[1], []).append(key)
    assert len(keys) == PARTITIONS
    return keys


def test_a_batch_over_all_partitions_is_answered_in_its_order(stack):
    assert [result["value"] for result in count_all(stack, 3)] == [3] * len(RESOURCES)
    assert values(stack) == [3] * len(RESOURCES)
    keys_of(stack, "tally:{p*}:c:*")


def test_what_a_partition_decides_of_an_item_is_that_items_alone(stack):
    """It is not taken for the failure of a part: the session stays, and the others are applied."""
    first, second, third = RESOURCES[:3]
    set_value(CounterServiceStub(connect(stack.service.port)), second, INT64_MAX)
    assert increment(stack.gateway, first, key="k").status == 200
    items = [item(name) for name in RESOURCES[3:]]
    items += [item(first, increment=5, idempotency_key="k"), item(second, increment=1), item(third)]
    results = increment_batch(stack.gateway, items).json()["results"]
    assert [result["value"] for result in results[:-3]] == [1] * (len(RESOURCES) - 3)
    check_problem_document(results[-3]["error"], 422, "not_applied")
    check_problem_document(results[-2]["error"], 409, "not_applied")
    assert results[-1]["value"] == 1
    assert lost_sessions(stack) == 0
    assert values(stack) == [1, INT64_MAX] + [1] * (len(RESOURCES) - 2)


def test_a_session_that_is_lost_in_one_partition_costs_nothing(stack):
    """The others have applied their part: only the items of the one go out in another session."""
    for times in range(1, 4):
        count_all(stack)
        sessions = keys_of(stack, "tally:{p*}:s:*")
        stack.redis.client().delete(*sessions[b"{p%d}" % times])
        assert [result["value"] for result in count_all(stack)] == [2 * times] * len(RESOURCES)
        assert lost_sessions(stack) == times
    assert values(stack) == [6] * len(RESOURCES)


def test_damage_in_one_partition_is_told_of_its_items(stack):
    count_all(stack)
    damaged = keys_of(stack, "tally:{p*}:c:*")[b"{p2}"][0]
    stack.redis.client().set(damaged, "damaged")
    place = RESOURCES.index(damaged.rsplit(b":", 1)[1].decode())
    for results in (count_all(stack), read_all(stack)):
        error = results[place]["error"]
        check_problem_document(error, 500, error.get("outcome"))
        assert error.get("outcome") in ("not_applied", None)
        assert [result["value"] for result in results if "value" in result] == [2] * (len(RESOURCES) - 1)
