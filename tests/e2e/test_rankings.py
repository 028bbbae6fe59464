"""Rankings as their users see them: REST and gRPC over real counting."""

import concurrent.futures
import contextlib
import time

import grpc
import pytest

from harness.calls import increment_batch, item
from harness.daemons import Gateway, Service
from harness.exposition import scrape
from harness.leader import AGGREGATOR, health_of
from harness.proxy import REPLIES, Proxy
from harness.ranked import entries_of, ordered, top, wait_ranked
from harness.stubs import CounterServiceStub, connect, pb
from harness.wait import wait_until

RANKINGS = """[
  {counter_type: like, windows: [hour, day, week, month, all], rolling: [1h, 24h], cache_ttl: 0s},
  {counter_type: view, windows: [all], keep: 10, cache_ttl: 0s}
]"""
WINDOWS = ("hour", "day", "week", "month", "all", "1h", "24h")


@pytest.fixture(scope="module")
def stack(start_stack):
    stack = start_stack(service={"RANKINGS": RANKINGS})
    wait_until(lambda: health_of(stack.service, AGGREGATOR)["aggregator"] == "leads")
    return stack


@pytest.fixture(scope="module")
def scores(stack):
    """What was counted: replays and refused items are not."""
    found = {f"article_{number:03}": number % 17 + 1 for number in range(60)}
    assert increment_batch(stack.gateway, [item(name, increment=score) for name, score in found.items()]).status == 200
    for name, delta in (("article_003", 100), ("article_007", -3), ("article_009", -10), ("article_059", -60)):
        keyed = [item(name, increment=delta, idempotency_key=f"key-{name}")] * 2
        assert increment_batch(stack.gateway, keyed).status == 200
        found[name] += delta
    assert found["article_009"] == 0
    wait_ranked(stack.gateway, "like")
    return {name: score for name, score in found.items() if score != 0}


@pytest.mark.parametrize("window", WINDOWS)
def test_the_order_is_that_of_the_sums(stack, scores, window):
    answer = top(stack.gateway, "like", f"window={window}&limit=1000")
    assert answer["complete"] and "since" not in answer
    assert entries_of(answer) == ordered(scores)
    assert [entry["rank"] for entry in answer["entries"]] == list(range(1, len(scores) + 1))
    part = top(stack.gateway, "like", f"window={window}&limit=7&offset=5")
    assert part["entries"] == answer["entries"][5:12]
    assert top(stack.gateway, "like", f"window={window}&offset=1000")["entries"] == []


def test_the_period_before_is_kept_and_empty(stack, scores):
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    assert scores
    assert top(stack.gateway, "like", f"window=day&period={yesterday}")["entries"] == []


def test_a_resource_is_told_its_rank_and_its_neighbours(stack, scores):
    order = ordered(scores)
    for place in (0, 1, 30, len(order) - 1):
        name, score = order[place]
        answer = stack.gateway.get(f"/api/v1/rankings/like/{name}?window=24h&neighbours=2").json()
        assert (answer["rank"], answer["score"]) == (place + 1, score)
        assert entries_of(answer) == order[max(0, place - 2) : place + 3]
    answer = stack.gateway.get("/api/v1/rankings/like/article_009?window=day").json()
    assert (answer["rank"], answer["score"], answer["entries"]) == (None, 0, [])


def test_grpc_callers_are_told_the_same(stack, scores):
    stub = CounterServiceStub(connect(stack.service.port))
    answer = stub.TopCounters(pb.TopCountersRequest(counter_type="like", window="day", limit=5), timeout=5)
    assert [(entry.resource_id, entry.score) for entry in answer.entries] == ordered(scores)[:5]
    assert answer.state.complete and abs(answer.state.as_of_ms / 1000 - time.time()) < 30
    name, score = ordered(scores)[2]
    rank = stub.RankOf(pb.RankOfRequest(counter_type="like", window="1h", resource_id=name, neighbours=1), timeout=5)
    assert (rank.rank, rank.score, len(rank.entries)) == (3, score, 3)
    with pytest.raises(grpc.RpcError) as caught:
        stub.TopCounters(pb.TopCountersRequest(counter_type="share", window="day"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND and "like, view" in caught.value.details()


def test_outside_what_is_kept_the_score_is_exact_and_the_rank_unknown(stack):
    names = [f"video_{number:03}" for number in range(400)]
    increment_batch(stack.gateway, [item(name, "view", increment=i + 1) for i, name in enumerate(names)])
    wait_ranked(stack.gateway, "view")
    answer = top(stack.gateway, "view", "window=all&limit=10")
    assert answer["complete"]
    assert entries_of(answer) == [(names[399 - i], 400 - i) for i in range(10)]
    wait_until(lambda: not top(stack.gateway, "view", "window=all&limit=200")["complete"])
    low = stack.gateway.get("/api/v1/rankings/view/video_004?window=all").json()
    assert (low["rank"], low["score"]) == (None, 5)


def test_metrics_and_health_tell_of_rankings(stack, scores):
    assert scores
    health = health_of(stack.service, AGGREGATOR)
    assert (health["status"], health["incomplete"]) == ("ok", 0)
    metrics = scrape(stack.service)
    assert metrics.sum("tally_rankings_leading") == 1
    assert metrics.sum("tally_rankings_events_total") >= len(scores)
    # The position follows what is counted by a moment.
    wait_until(lambda: scrape(stack.service).sum("tally_rankings_waiting") == 0)


def test_rankings_turned_on_over_counters_have_all_and_say_what_they_lack(start_stack):
    stack = start_stack()
    increment_batch(stack.gateway, [item(f"old_{number}", increment=number + 1) for number in range(100)])
    stack.service.stop()
    service = Service(stack.directory, stack.redis.address, name="ranking", port=stack.service.port, RANKINGS=RANKINGS)
    with contextlib.closing(service):
        service.start()
        stack.gateway.wait_ready()
        wait_until(lambda: top(stack.gateway, "like", "window=all")["complete"])
        answer = top(stack.gateway, "like", "window=all&limit=3")
        assert entries_of(answer) == [("old_99", 100), ("old_98", 99), ("old_97", 98)]
        increment_batch(stack.gateway, [item("old_1", increment=1)])
        wait_ranked(stack.gateway, "like")
        day = top(stack.gateway, "like", "window=day")
        assert entries_of(day) == [("old_1", 1)]
        assert not day["complete"] and day["since"] <= day["as_of"]
        service.stop()


def test_an_answer_that_came_late_is_not_kept(start_stack):
    """Its age counts from when Redis was asked: who asks afterwards is told what is true now."""
    rankings = "[{{counter_type: like, windows: [all], cache_ttl: {}}}]"
    stack = start_stack(service={"RANKINGS": rankings.format("0s")})
    increment_batch(stack.gateway, [item("a", increment=1)])
    wait_ranked(stack.gateway, "like")
    patient = {"REDIS_TIMEOUT": "10s", "COUNTER_SERVICE_QUEUE_TIME": "10s", "RANKINGS": rankings.format("1s")}
    with contextlib.closing(Proxy(stack.redis.port)) as proxy, contextlib.ExitStack() as ends:
        service = Service(stack.directory, proxy.address, name="behind", **patient)
        ends.callback(service.close)
        service.start()
        gateway = Gateway(stack.directory, service.address, name="gateway-behind", SERVER_LOOPS=1)
        ends.callback(gateway.close)
        gateway.start()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            proxy.hold(REPLIES)
            late = pool.submit(gateway.get, "/api/v1/rankings/like?window=all")
            time.sleep(0.5)
            increment_batch(stack.gateway, [item("a", increment=1)])
            wait_ranked(stack.gateway, "like")
            time.sleep(2.5)
            proxy.release()
            late.result()
            assert entries_of(top(gateway, "like", "window=all")) == [("a", 2)]
        gateway.stop()
        service.stop()
