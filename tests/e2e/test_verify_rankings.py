"""counter-verify and the rankings, with the real service: they are compared and put in order while writes go on."""

import contextlib
import subprocess
import uuid

import pytest

from harness.calls import increment_batch, item
from harness.daemons import Service, environment
from harness.paths import CONFIG, program
from harness.places import Top
from harness.wait import wait_until
from harness.writers import writers

pytestmark = pytest.mark.timeout(120)

EQUAL, DIFFERENT, FAILED = 0, 1, 2

RANKINGS = "[{counter_type: like, windows: [hour, day, all], rolling: [1h], keep: 100}]"
ALL = "like:all:0"


@pytest.fixture
def run():
    """Runs counter-verify on a stack. Returns the exit code, stdout's lines and stderr."""

    def run(stack, *args, **settings):
        names = ("REDIS_ADDR", "KAFKA_BROKERS", "KAFKA_TOPIC")
        known = {name: stack.service.settings[name] for name in names if name in stack.service.settings}
        argv = [program("counter-verify"), "--config", CONFIG, *args]
        env = environment({**known, "RANKINGS": RANKINGS, **settings})
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=100, check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr

    return run


def increment(stack, *items):
    response = increment_batch(stack.gateway, [item(*fields, increment=delta) for *fields, delta in items])
    assert response.status == 200, response
    assert all("error" not in result for result in response.json()["results"])


def spread_over(resources):
    """What writers() sends."""

    def items(number):
        return [item(f"r{(number * 7 + i * i) % resources}", "like", increment=i % 5 + 1) for i in range(100)]

    return items


def counters(stack, resources):
    """The best hundred of all, from the counters themselves."""
    values = stack.values([(f"r{number}", "like") for number in range(resources)])
    return [(name, -score) for score, name in sorted((-value, name) for (name, _), value in values.items())][:100]


def top_of(stack):
    return Top(stack.redis, ALL).order()[:100]


def test_rankings_that_are_turned_on_are_filled_from_the_counters(start_stack, run):
    stack = start_stack()
    resources = 2000
    for first in range(0, resources, 500):
        increment(stack, *((f"r{number}", "like", number % 977 + 1) for number in range(first, first + 500)))
    stack.service.terminate()
    stack.service.wait_stopped()
    ranked = Service(stack.directory, stack.redis.address, name="ranked", port=stack.service.port, RANKINGS=RANKINGS)
    with contextlib.closing(ranked):
        ranked.start()
        stack.gateway.wait_ready()
        with writers(stack, spread_over(resources)):
            wait_until(lambda: stack.redis.call("EXISTS", "tally:{p0}:rankings"), what="the rankings")
            code, lines, errors = run(stack, "--rebuild-rankings")
            assert (code, lines[-1:], errors) == (EQUAL, ["rebuilt"], "")
            found = [run(stack, "--rankings") for _ in range(3)]
            assert [(code, lines[-1:], errors) for code, lines, errors in found] == [(EQUAL, ["equal"], "")] * 3, found
        assert run(stack, "--rankings")[0] == EQUAL
        best = counters(stack, resources)
        wait_until(lambda: top_of(stack) == best, what="the last events")


@pytest.fixture
def topic():
    return f"events-{uuid.uuid4().hex[:8]}"


def test_the_sums_are_those_of_the_events(kafka, topic, start_stack, run):
    stack = start_stack(service={"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic, "RANKINGS": RANKINGS})
    wait_until(lambda: topic in kafka.topics(), what="the topic")
    wait_until(lambda: stack.redis.call("EXISTS", "tally:{p0}:rankings"), what="the rankings")
    increment(stack, ("a", "like", 2), ("a", "like", 1), ("b", "like", -4), ("a", "view", 1))
    with writers(stack, spread_over(500)):
        found = [run(stack, "--rankings") for _ in range(3)]
    assert [(code, lines[-1:], errors) for code, lines, errors in found] == [(EQUAL, ["equal"], "")] * 3, found
    assert not any("not compared" in line for line in found[0][1])
    wait_until(lambda: stack.redis.call("HGET", "tally:{p0}:r:like", "a"), what="a's record")
    stack.redis.call("HDEL", "tally:{p0}:r:like", "a")
    code, lines, _ = run(stack, "--rankings")
    assert code == DIFFERENT
    assert "a like 1h: events say 3, it has no record" in lines
    told = [line for line in lines if line.startswith("a like ")]
    assert len(told) == 3 and all(line.endswith(": events say 3, it has no record") for line in told), told
    code, lines, errors = run(stack, "--rebuild-rankings")
    assert (code, lines[-1:], errors) == (EQUAL, ["rebuilt"], "")
    assert "the sums of 1 resource were mended by the events" in lines
    assert run(stack, "--rankings")[0] == EQUAL


def test_rebuilding_puts_every_order_right(start_stack, run):
    stack = start_stack(service={"RANKINGS": RANKINGS})
    increment(stack, *((f"r{number}", "like", number + 1) for number in range(300)))
    best = [(f"r{number}", number + 1) for number in range(299, 199, -1)]
    wait_until(lambda: top_of(stack) == best, what="the best hundred")
    assert run(stack, "--rankings")[0] == EQUAL
    top = Top(stack.redis, ALL)
    top.put("r3", 10000)
    top.save()
    code, lines, _ = run(stack, "--rankings")
    assert code == DIFFERENT
    assert "r3 like all: has a place with 10000, should have none with 4" in lines
    stack.redis.call("APPEND", top.key, "x")
    code, lines, _ = run(stack, "--rankings")
    assert code == DIFFERENT
    assert f"like all: its string has {top.length + 1} bytes, should have {top.length}" in lines
    assert lines[-1] == "1 difference"
    code, lines, errors = run(stack, "--rebuild-rankings")
    assert (code, errors) == (EQUAL, "")
    assert lines[-2:] == ["4 of 4 windows are filled", "rebuilt"]
    assert run(stack, "--rankings")[0] == EQUAL


def test_what_cannot_be_done_is_said_in_a_sentence(start_stack, run):
    stack = start_stack()
    reason = "Redis has no rankings: no counter-service that is configured to keep any has run on it"
    sentence = f"counter-verify: {reason}\n"
    increment(stack, ("a", "like", 1))
    code, _, errors = run(stack, "--rankings")
    assert (code, errors) == (FAILED, sentence)
    code, _, errors = run(stack, "--rebuild-rankings")
    assert (code, errors) == (FAILED, sentence)
    code, lines, errors = run(stack, "--rankings", RANKINGS="")
    assert (code, lines, errors) == (FAILED, [], "counter-verify: rankings is empty: there are none to compare\n")
