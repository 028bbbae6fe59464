"""Rankings of a store of several partitions: what is told is of all of them."""

import random
import time

import grpc
import pytest

from harness.calls import increment_batch, item
from harness.ranked import entries_of, ordered, top, wait_ranked, whole_order
from harness.stubs import CounterServiceStub, connect, pb
from harness.wait import wait_until

PARTITIONS = 4
KEEP = 50
RANKINGS = """[
  {counter_type: like, windows: [hour, day, week, month, all], rolling: [1h, 24h], cache_ttl: 0s},
  {counter_type: view, windows: [all], keep: 50, cache_ttl: 0s},
  {counter_type: share, windows: [all], cache_ttl: 1s}
]"""
WINDOWS = ("hour", "day", "week", "month", "all", "1h", "24h")
RESOURCES = 300


@pytest.fixture(scope="module")
def stack(start_stack):
    stack = start_stack(service={"RANKINGS": RANKINGS, "REDIS_PARTITIONS": PARTITIONS})
    wait_until(lambda: top(stack.gateway, "like", "window=all")["complete"], what="every partition to be led")
    return stack


def count(stack, counter_type, deltas):
    """Batches whose items lie in several partitions. All must be applied."""
    items = [item(name, counter_type, increment=delta) for name, delta in deltas]
    for first in range(0, len(items), 500):
        response = increment_batch(stack.gateway, items[first : first + 500])
        assert response.status == 200
        assert all("value" in result for result in response.json()["results"])


@pytest.fixture(scope="module")
def scores(stack):
    """Many are equal, some are below 0, and some have come back to it."""
    chance = random.Random(4711)
    deltas = [(f"article_{chance.randrange(RESOURCES)}", chance.choice((-2, -1, 1, 2, 3, 4))) for _ in range(3000)]
    found = {}
    for name, delta in deltas:
        found[name] = found.get(name, 0) + delta
    count(stack, "like", deltas)
    wait_ranked(stack.gateway, "like")
    return {name: score for name, score in found.items() if score != 0}


def test_the_resources_are_in_all_partitions(stack, scores):
    keys = stack.redis.client().keys("tally:{p*}:c:article_*")
    assert {key.split(b":")[1] for key in keys} == {b"{p%d}" % number for number in range(PARTITIONS)}
    assert len(keys) >= len(scores)


@pytest.mark.parametrize("window", WINDOWS)
def test_the_order_is_that_of_the_sums(stack, scores, window):
    answer = top(stack.gateway, "like", f"window={window}&limit=1000")
    assert answer["complete"] and "since" not in answer
    assert entries_of(answer) == ordered(scores)
    assert [entry["rank"] for entry in answer["entries"]] == list(range(1, len(scores) + 1))
    part = top(stack.gateway, "like", f"window={window}&limit=7&offset=5")
    assert part["entries"] == answer["entries"][5:12]


def test_the_period_before_is_kept_and_empty(stack, scores):
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    assert scores
    assert top(stack.gateway, "like", f"window=day&period={yesterday}")["entries"] == []


@pytest.mark.parametrize("window", ["all", "day", "24h"])
def test_a_resource_is_told_its_rank_among_all(stack, scores, window):
    order = ordered(scores)
    for place in range(0, len(order), 7):
        name, score = order[place]
        answer = stack.gateway.get(f"/api/v1/rankings/like/{name}?window={window}&neighbours=2").json()
        assert (answer["rank"], answer["score"]) == (place + 1, score)
        assert entries_of(answer) == order[max(0, place - 2) : place + 3]
    nobody = stack.gateway.get(f"/api/v1/rankings/like/nobody?window={window}").json()
    assert (nobody["rank"], nobody["score"], nobody["entries"]) == (None, 0, [])


def test_grpc_callers_are_told_the_same(stack, scores):
    stub = CounterServiceStub(connect(stack.service.port))
    answer = stub.TopCounters(pb.TopCountersRequest(counter_type="like", window="day", limit=5), timeout=5)
    assert [(entry.resource_id, entry.score) for entry in answer.entries] == ordered(scores)[:5]
    assert answer.state.complete and abs(answer.state.as_of_ms / 1000 - time.time()) < 30
    with pytest.raises(grpc.RpcError) as caught:
        stub.TopCounters(pb.TopCountersRequest(counter_type="clap", window="day"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_of_more_resources_than_are_kept_the_best_are_told(stack):
    chance = random.Random(15)
    found = {f"video_{number}": chance.randrange(1, 200) for number in range(2000)}
    count(stack, "view", found.items())
    wait_ranked(stack.gateway, "view")
    answer = top(stack.gateway, "view", f"window=all&limit={KEEP}")
    assert answer["complete"]
    assert entries_of(answer) == ordered(found)[:KEEP]
    order = ordered(found)
    for place in (0, KEEP - 1, len(order) - 1):
        name, score = order[place]
        answer = stack.gateway.get(f"/api/v1/rankings/view/{name}?window=all").json()
        assert answer["score"] == score
        assert answer["rank"] == place + 1 if place < KEEP else answer["rank"] is None


def test_changes_move_resources_of_all_partitions(stack):
    chance = random.Random(16)
    found = {f"song_{number}": chance.randrange(1, 50) for number in range(200)}
    count(stack, "share", found.items())
    for _ in range(5):
        deltas = [(name, chance.randrange(-5, 20)) for name in chance.sample(sorted(found), 60)]
        deltas = [(name, delta) for name, delta in deltas if delta != 0]
        for name, delta in deltas:
            found[name] += delta
        count(stack, "share", deltas)
    expected = ordered({name: score for name, score in found.items() if score != 0})
    wait_until(lambda: whole_order(stack.gateway, "share", "all") == expected, what="answers that are kept for 1 s")
    for name, score in expected[::20]:
        answer = stack.gateway.get(f"/api/v1/rankings/share/{name}?window=all").json()
        assert (expected[answer["rank"] - 1][0], answer["score"]) == (name, score)
