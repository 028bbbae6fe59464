"""The read cache: hot reads without the service, none older than promised, one refresh a key."""

import bisect
import concurrent.futures
import contextlib
import threading
import time

import pytest
from google.protobuf.message import DecodeError

from harness.calls import counter_path, increment, increment_batch, item, read, read_batch, set_value
from harness.daemons import Gateway
from harness.exposition import scrape
from harness.proxy import REPLIES, Proxy
from harness.rankings import TOP, ranked, top, will_answer
from harness.session_service import SessionService
from harness.stubs import pb
from harness.wait import wait_until

STALENESS = 2
CACHED = {"CACHE_MAX_STALENESS": f"{STALENESS}s", "SERVER_LOOPS": 1}
KEPT = "max-age=2, must-revalidate"
UNKEPT = TOP.replace("/like", "/unkept")  # a ranking of its own type: the gateway remembers that it may not be kept


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(gateway=CACHED)


@pytest.fixture(scope="module")
def lasting(stack):
    """A gateway that keeps counters for longer."""
    return stack.extra_gateway(**{**CACHED, "CACHE_MAX_STALENESS": "20s"})


@pytest.fixture(scope="module")
def fake():
    fake = SessionService()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def before_fake(fake, tmp_path_factory):
    """A gateway that caches, before the fake service."""
    settings = {**CACHED, "GRPC_COUNTER_SERVICE_ATTEMPT_TIMEOUT": "3s"}
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), fake.address, **settings)
    gateway.start()
    yield gateway
    gateway.stop()
    gateway.close()


def get(gateway, resource, *headers):
    response = gateway.get(counter_path(resource, "like"), headers)
    assert response.status == 200, response
    return response


@contextlib.contextmanager
def standing_still(process):
    process.pause()
    try:
        yield
    finally:
        process.resume()


def results(gateway):
    exposition = scrape(gateway)
    return {
        result: exposition.sum("tally_read_cache_total", result=result) for result in ("hit", "miss", "wait", "bypass")
    }


def reads_asked(stack):
    return scrape(stack.service).sum("tally_rpc_server_requests_total", rpc="BatchGet")


# --- hits


def test_a_hot_read_is_answered_by_the_gateway(stack, gateway, resource):
    increment(gateway, resource, increment=7)
    asked, before = reads_asked(stack), results(gateway)
    for _ in range(5):
        response = get(gateway, resource)
        assert response.json() == {"resource_id": resource, "counter_type": "like", "value": 7}
        assert response.header("cache-control") == KEPT
        assert response.header("age") in ("0", "1")
    assert reads_asked(stack) - asked == 1
    after = results(gateway)
    assert {name: after[name] - before[name] for name in after} == {"hit": 4, "miss": 1, "wait": 0, "bypass": 0}
    assert scrape(gateway).sum("tally_read_cache_entries") >= 1


def test_the_age_grows(lasting, resource):
    get(lasting, resource)
    time.sleep(1.2)
    assert get(lasting, resource).header("age") in ("2", "3")


def test_what_is_too_old_is_fetched_anew(stack, gateway, resource):
    get(gateway, resource)
    asked = reads_asked(stack)
    time.sleep(STALENESS)
    assert get(gateway, resource).header("age") in ("0", "1")
    assert reads_asked(stack) - asked == 1


def test_head_is_get_without_its_body(gateway, resource):
    get(gateway, resource)
    with gateway.connection() as connection:
        head = connection.request("HEAD", counter_path(resource, "like"))
        whole = connection.request("GET", counter_path(resource, "like"))
    assert head.status == 200
    for name in ("content-length", "content-type"):
        assert head.header(name) == whole.header(name) is not None


def test_head_renews_no_stored_answer(gateway, resource):
    with gateway.connection() as connection:
        for method, told in (("GET", KEPT), ("HEAD", "no-store"), ("GET", KEPT)):
            response = connection.request(method, counter_path(resource, "like"))
            assert (response.status, response.header("cache-control")) == (200, told)
            assert (response.header("age") is None) == (method == "HEAD")


def test_what_is_asked_with_credentials_is_kept_by_no_cache_on_the_way(gateway, resource):
    for _ in range(2):
        response = get(gateway, resource, ("Authorization", "Bearer x"))
        assert response.header("cache-control") == "no-store"
        assert response.header("age") is not None
    assert get(gateway, resource).header("cache-control") == KEPT


def test_off_nothing_changes(stack, resource):
    gateway = stack.extra_gateway()
    increment(gateway, resource)
    asked = reads_asked(stack)
    for _ in range(3):
        response = get(gateway, resource)
        assert (response.header("cache-control"), response.header("age")) == ("no-store", None)
    assert reads_asked(stack) - asked == 3
    assert set(results(gateway).values()) == {0}


def test_other_reads_and_errors_are_not_kept(stack, gateway, resource):
    for _ in range(2):
        for response in (
            gateway.get(counter_path(resource)),
            read_batch(gateway, [item(resource)]),
            increment(gateway, resource),
            gateway.get(counter_path(resource, "Like")),
        ):
            assert (response.header("cache-control"), response.header("age")) == ("no-store", None)
    asked = reads_asked(stack)
    for _ in range(2):
        read_batch(gateway, [item(resource)])
    assert reads_asked(stack) - asked == 2


# --- writes


def test_a_write_through_the_same_gateway_is_seen_at_once(stack, gateway, resource):
    assert read(gateway, resource) == 0
    asked = reads_asked(stack)
    for value in range(1, 20):
        increment(gateway, resource)
        assert read(gateway, resource) == value
    increment_batch(gateway, [item(resource), item(resource, "view"), item(resource, increment=5)])
    assert read(gateway, resource) == 25
    assert reads_asked(stack) == asked


def test_a_replayed_write_does_not_bring_its_old_value_back(gateway, resource):
    assert increment(gateway, resource, key="k").json()["value"] == 1
    increment(gateway, resource, increment=4)
    assert read(gateway, resource) == 5
    assert increment(gateway, resource, key="k").json()["value"] == 1
    assert read(gateway, resource) == 5


@pytest.mark.parametrize("way", ["service", "another gateway"])
def test_a_write_past_the_gateway_is_seen_in_time(stack, gateway, rpc, resource, way):
    other = stack.extra_gateway() if way == "another gateway" else None
    assert read(gateway, resource) == 0
    if other is None:
        set_value(rpc, resource, 3)
    else:
        increment(other, resource, increment=3)
    written = time.monotonic()
    assert read(gateway, resource) == 0  # kept
    value = 0
    while value == 0:
        asked = time.monotonic()
        value = read(gateway, resource)
        assert value == 3 or asked - written < STALENESS
        time.sleep(0.01)
    assert value == 3


@pytest.mark.parametrize(
    "field",
    [
        ("Cache-Control", "no-cache"),
        ("Cache-Control", "no-store"),
        ("Cache-Control", "max-age=0"),
        ("Cache-Control", "max-stale=5, No-Cache"),
        ("Pragma", "no-cache"),
    ],
)
def test_a_request_may_go_through(gateway, rpc, resource, field):
    assert read(gateway, resource) == 0
    set_value(rpc, resource, 3)
    bypassed = results(gateway)["bypass"]
    assert get(gateway, resource, field).json()["value"] == 3
    assert results(gateway)["bypass"] - bypassed == 1
    kept = 0 if field[1] == "no-store" else 3
    assert read(gateway, resource) == kept


def test_a_request_may_want_it_younger(lasting, rpc, resource):
    assert read(lasting, resource) == 0
    set_value(rpc, resource, 3)
    time.sleep(1.1)
    assert get(lasting, resource, ("Cache-Control", "max-age=60")).json()["value"] == 0
    assert get(lasting, resource, ("Cache-Control", "max-age=1")).json()["value"] == 3
    assert read(lasting, resource) == 3


def test_a_write_that_lowers_the_counter_and_answers_late_does_not_bring_its_value_back(fake, before_fake, resource):
    """The counter is 0. -1 makes -1, then +1 makes 0; and the last answers first."""

    lower_came, raise_answered = threading.Event(), threading.Event()

    def answer(request):
        delta = 0
        with contextlib.suppress(DecodeError, IndexError):
            delta = pb.SessionIncrementRequest.FromString(request).items[0].delta
        if delta not in (-1, 1):
            return pb.BatchGetResponse(results=[pb.GetResult(value=0)]).SerializeToString()
        if delta == -1:
            lower_came.set()
            raise_answered.wait(10)
            time.sleep(0.3)  # the other answer is out
        else:
            raise_answered.set()
        results = [pb.IncrementResult(value=-1 if delta == -1 else 0)]
        return pb.BatchIncrementResponse(results=results).SerializeToString()

    fake.will_answer(answer)
    assert read(before_fake, resource) == 0
    with concurrent.futures.ThreadPoolExecutor() as pool:
        lowers = pool.submit(increment, before_fake, resource, increment=-1)
        assert lower_came.wait(10)
        raises = pool.submit(increment, before_fake, resource, increment=1)
        assert (lowers.result().json()["value"], raises.result().json()["value"]) == (-1, 0)
    assert read(before_fake, resource) == 0


# --- faults


def test_redis_stands_still(stack, gateway, resource):
    increment(gateway, resource, increment=9)
    asked = time.monotonic()
    assert read(gateway, resource) == 9
    fetched = time.monotonic()
    with standing_still(stack.redis):
        hits = 0
        while (began := time.monotonic()) < asked + STALENESS + 1:
            response = gateway.get(counter_path(resource, "like"))
            if response.status == 200:
                assert began < fetched + STALENESS
                assert response.json()["value"] == 9
                hits += 1
            else:
                assert began >= asked + STALENESS - 0.1, response
                assert response.status in (503, 504)
                assert (response.header("cache-control"), response.header("age")) == ("no-store", None)
        assert hits > 10
    stack.wait_ready()
    assert read(gateway, resource) == 9


def test_an_answer_that_was_held_is_given_but_not_kept(stack, tmp_path, resource):
    with contextlib.closing(Proxy(stack.service.port)) as proxy:
        patient = {"GRPC_COUNTER_SERVICE_ATTEMPT_TIMEOUT": "3900ms"}
        gateway = Gateway(tmp_path, proxy.address, **CACHED, **patient)
        try:
            gateway.start()
            proxy.hold(REPLIES)
            with concurrent.futures.ThreadPoolExecutor() as pool:
                held = pool.submit(get, gateway, resource)
                time.sleep(STALENESS + 0.3)
                proxy.release()
                response = held.result()
            assert (response.header("cache-control"), response.header("age")) == ("no-store", "3")
            before = results(gateway)["miss"]
            assert get(gateway, resource).header("cache-control") == KEPT
            assert results(gateway)["miss"] - before == 1
        finally:
            gateway.close()


def test_nobody_is_given_what_is_older_than_promised(stack, gateway, resource):
    """Reads on several connections, writes past the gateway, and a Redis that stands still for a while."""
    other = stack.extra_gateway()
    written = [(time.monotonic(), 0)]  # when each value was acknowledged
    reads = []
    ends = threading.Event()

    def write():
        with other.connection() as connection:
            while not ends.is_set():
                body = {"resource_id": resource, "counter_type": "like"}
                response = connection.request("POST", "/api/v1/counter/increment", body)
                if response.status == 200:
                    written.append((time.monotonic(), response.json()["value"]))
                time.sleep(0.002)

    def read_on():
        with gateway.connection() as connection:
            while not ends.is_set():
                began = time.monotonic()
                response = connection.request("GET", counter_path(resource, "like"))
                if response.status == 200:
                    reads.append((began, response.json()["value"]))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        workers = [pool.submit(write), *[pool.submit(read_on) for _ in range(6)]]
        time.sleep(3)
        with standing_still(stack.redis):
            time.sleep(2.5)
        stack.wait_ready()
        time.sleep(3)
        ends.set()
        for worker in workers:
            worker.result()
    times = [when for when, _ in written]
    assert len(reads) > 1000
    assert len(written) > 100
    for began, value in reads:
        promised = bisect.bisect_right(times, began - STALENESS) - 1
        assert promised < 0 or value >= written[promised][1]


# --- one refresh in flight


def answer_when(event, value):
    def answer(_):
        event.wait(10)
        return pb.BatchGetResponse(results=[pb.GetResult(value=value)]).SerializeToString()

    return answer


def test_one_asks_for_all(fake, before_fake, resource):
    all_wait = threading.Event()
    fake.will_answer(answer_when(all_wait, 7))
    before = results(before_fake)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        values = [pool.submit(read, before_fake, resource) for _ in range(20)]
        wait_until(lambda: results(before_fake)["wait"] - before["wait"] == 19, what="all others to wait")
        all_wait.set()
        assert [value.result() for value in values] == [7] * 20
    assert len(fake.requests) == 1
    after = results(before_fake)
    assert (after["miss"] - before["miss"], after["wait"] - before["wait"]) == (1, 19)


def test_the_answer_comes_though_the_asker_has_left(fake, before_fake, resource):
    asker_has_left = threading.Event()
    fake.will_answer(answer_when(asker_has_left, 7))
    before = results(before_fake)
    with before_fake.connection() as asker:
        asker.send(f"GET {counter_path(resource, 'like')} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        wait_until(lambda: len(fake.requests) == 1)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiter = pool.submit(read, before_fake, resource)
            wait_until(lambda: results(before_fake)["wait"] - before["wait"] == 1)
            asker.close()
            asker_has_left.set()
            assert waiter.result() == 7
    assert len(fake.requests) == 1


# --- rankings


def test_a_ranking_is_kept_as_long_as_the_service_says(fake, before_fake):
    target = TOP + "&period=kept"
    will_answer(fake, top(ranked(1, "a", 5), age_ms=200, max_age_ms=3200))
    first = before_fake.get(target)
    assert (first.header("cache-control"), first.header("age")) == ("max-age=3, must-revalidate", "1")
    began = time.monotonic()
    while time.monotonic() < began + 0.8:
        assert before_fake.get(target).body == first.body
    assert len(fake.requests) == 1
    time.sleep(2.3)
    assert before_fake.get(target).body == first.body
    assert len(fake.requests) == 2


def test_a_ranking_that_may_not_be_kept_is_asked_for_each_time(fake, before_fake):
    will_answer(fake, top(ranked(1, "a", 5)))
    for _ in range(3):
        assert before_fake.get(UNKEPT).header("cache-control") == "no-store"
    assert len(fake.requests) == 3


def test_nobody_waits_for_a_ranking_that_may_not_be_kept(fake, before_fake):
    will_answer(fake, top(ranked(1, "a", 5)))
    assert before_fake.get(UNKEPT).status == 200  # it is not known before
    all_asked = threading.Barrier(3)

    def answer(_):
        all_asked.wait(10)
        return top(ranked(1, "a", 5)).SerializeToString()

    fake.will_answer(answer)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: before_fake.get(UNKEPT).status, range(3)))
    assert answers == [200] * 3
    assert len(fake.requests) == 3


def test_one_asks_for_a_ranking(fake, before_fake):
    def answer(_):
        time.sleep(0.3)
        return top(ranked(1, "a", 5), max_age_ms=5000).SerializeToString()

    fake.will_answer(answer)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: before_fake.get(TOP + "&period=all"), range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len(fake.requests) == 1
