"""HAProxy, nginx and Varnish in front of a gateway: right counts, no value out of a cache, and no request that the
proxy did not send."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.calls import INCREMENT, READ_BATCH, counter_path, increment, item, read
from harness.exposition import scrape
from harness.http_client import request_bytes
from harness.law import check
from harness.literals import load
from harness.load import Load
from harness.reverse_proxies import REVERSE_PROXIES
from harness.wait import wait_until


@pytest.fixture(scope="module", params=REVERSE_PROXIES, ids=lambda kind: kind.__name__)
def proxy(request, stack, tmp_path_factory):
    proxy = request.param(tmp_path_factory.mktemp("proxy"), stack.gateway)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.close()


def test_increments_through_it_are_counted_exactly(stack, proxy):
    with Load(proxy.port, connections=10) as load:
        time.sleep(1.5)
        ledger = load.stop()
    assert set(ledger.statuses) == {200}, ledger
    check(ledger, stack.values(ledger.counters()))


def test_a_key_sent_again_through_it_counts_once(gateway, proxy, resource):
    keys = [f"{resource}-{number}" for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda key: increment(proxy, resource, key=key), keys * 3))
    assert {answer.status for answer in answers} == {200}
    assert sum(answer.header("idempotent-replayed") == "true" for answer in answers) == 100
    assert read(gateway, resource) == 50


def test_no_value_through_it_is_an_old_one(proxy, resource):
    for number in range(1, 20):
        assert increment(proxy, resource).json()["value"] == number
        assert read(proxy, resource) == number
        assert proxy.get(counter_path(resource)).json()["counters"] == {"like": number}
        assert proxy.post(READ_BATCH, {"queries": [item(resource)]}).json()["results"][0]["value"] == number
    assert proxy.get("/health").header("cache-control") == "no-store"


def test_no_error_through_it_is_an_old_one(stack, proxy, resource):
    counter = counter_path(resource, "like")
    assert proxy.get(counter).json()["value"] == 0
    stack.redis.pause()
    try:
        wait_until(lambda: proxy.get(counter).status in (503, 504))
    finally:
        stack.redis.resume()
    wait_until(lambda: proxy.get(counter).status == 200)
    assert read(proxy, resource) == 0


class Bystander(threading.Thread):
    """Others' client: counts for itself, and must get the answers to its own requests."""

    def __init__(self, proxy, resource):
        super().__init__(daemon=True)
        self._proxy = proxy
        self._resource = resource
        self.stopping = threading.Event()
        self.counted = 0
        self.wrong = []

    def run(self):
        while not self.stopping.is_set():
            self.counted += 1
            answer = increment(self._proxy, self._resource)
            if answer.status != 200 or answer.json() != item(self._resource, value=self.counted):
                self.wrong.append(answer)
            time.sleep(0.002)


def send_and_read_all(proxy, literal, resource):
    """The literal, and a whole increment behind it, which counts if the proxy takes it for a request."""
    data = literal.bytes_for(resource) + request_bytes("POST", INCREMENT, item(resource, increment=1000))
    with proxy.connection(timeout=0.5) as connection:
        try:
            connection.send(data)
            connection.rest()
        except OSError:
            pass  # refused, or the proxy waits for more


def increments_answered(gateway):
    return int(scrape(gateway).sum("tally_http_requests_total", route=INCREMENT, method="POST"))


def increments_forwarded(proxy):
    """With and without a host before the path."""
    return sum(count for line, count in proxy.forwarded().items() if line.startswith("POST ") and INCREMENT in line)


def test_no_request_is_hidden_in_what_it_forwards(gateway, proxy, resource):
    literals = load("http11")
    forwarded_before = increments_forwarded(proxy)
    answered_before = increments_answered(gateway)
    bystander = Bystander(proxy, f"{resource}-bystander")
    bystander.start()
    with ThreadPoolExecutor(8) as pool:
        jobs = enumerate(literals)
        list(pool.map(lambda job: send_and_read_all(proxy, job[1], f"{resource}-{job[0]}"), jobs))
    bystander.stopping.set()
    bystander.join()
    assert not bystander.wrong, bystander.wrong[:3]
    assert bystander.counted > 50

    def forwarded():
        return increments_forwarded(proxy) - forwarded_before

    answered = increments_answered(gateway) - answered_before
    wait_until(lambda: forwarded() >= answered, 10, f"{answered} increments, {forwarded()} of them the proxy's")
    assert answered > bystander.counted, "the proxy forwarded none of the literals"
    for number, literal in enumerate(literals):
        value = read(gateway, f"{resource}-{number}")
        assert value % 1000 <= 2 and value <= 2002, f"{literal.name}: {value}"
