"""counter-verify against a real Kafka: the events say what Redis says, also while writes go on."""

import subprocess
import uuid

import pytest

from harness.calls import increment_batch, item
from harness.daemons import environment
from harness.paths import CONFIG, program
from harness.wait import wait_until
from harness.writers import writers

pytestmark = pytest.mark.timeout(120)

EQUAL, DIFFERENT, FAILED = 0, 1, 2


@pytest.fixture
def topic():
    return f"events-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def stack(kafka, topic, start_stack):
    """The topic is there."""
    started = start_stack(service={"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic})
    wait_until(lambda: topic in kafka.topics(), what="the topic")
    return started


@pytest.fixture
def verify(kafka, topic, stack):
    """Runs it. Returns the exit code, stdout's lines and stderr."""

    def run(*args, **settings):
        names = ("REDIS_ADDR", "KAFKA_BROKERS", "KAFKA_TOPIC")
        env = environment({name: stack.service.settings[name] for name in names} | settings)
        argv = [program("counter-verify"), "--config", CONFIG, *args]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=100, check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr

    return run


def increment(stack, *items):
    response = increment_batch(stack.gateway, [item(*fields, increment=delta) for *fields, delta in items])
    assert response.status == 200, response
    assert all("error" not in result for result in response.json()["results"])


def test_what_was_counted_is_what_the_events_say(stack, verify):
    increment(stack, ("a", "like", 1), ("a", "view", -5), ("b:ü", "like", 2**53 - 1), ("a", "like", 1))
    code, lines, errors = verify()
    assert (code, errors) == (EQUAL, "")
    assert lines[1:] == ["4 events, 0 repetitions, 3 counters", "equal"]


def test_it_is_exact_while_writes_go_on(stack, verify):
    def items(number):
        return [item(f"r{(number + i) % 700}", "hit", increment=i % 7 - 10) for i in range(100)]

    with writers(stack, items):
        found = [verify() for _ in range(5)]
    assert [(code, lines[-1:], errors) for code, lines, errors in found] == [(EQUAL, ["equal"], "")] * 5, found
    assert any("came after Redis was read" in line for _, lines, _ in found for line in lines)


def test_a_counter_that_was_changed_behind_tallys_back_differs(stack, verify, tmp_path):
    increment(stack, ("a", "like", 1), ("b", "like", 1))
    code, _, errors = verify("--write-snapshot", tmp_path / "before")
    assert (code, errors) == (EQUAL, "")
    stack.redis.call("HINCRBY", "tally:{p0}:c:a", "like", 1)
    increment(stack, ("a", "like", 1))
    code, lines, _ = verify("--write-snapshot", tmp_path / "after")
    assert code == DIFFERENT
    assert any(line.startswith("a like: events missing before ") for line in lines)
    assert lines[-2:] == ["a like: events say 2, redis has 3", "2 differences"]
    assert verify("--snapshot", tmp_path / "before")[0] == DIFFERENT
    increment(stack, ("a", "like", 1))
    assert verify("--snapshot", tmp_path / "after")[0] == EQUAL


@pytest.mark.parametrize("args", [["--help"], ["--version"]])
def test_an_answer_that_cannot_be_written_is_a_failure(args):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [program("counter-verify"), *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20, check=False
        )
    assert (done.returncode, done.stderr) == (FAILED, "counter-verify: the result cannot be written to stdout\n")


def test_what_cannot_be_compared_is_said_in_a_sentence(stack, verify, tmp_path):
    increment(stack, ("a", "like", 1))
    code, lines, errors = verify(KAFKA_TOPIC="missing")
    assert (code, lines, errors) == (FAILED, [], "counter-verify: topic missing is not there\n")
    code, lines, errors = verify("--snapshot", tmp_path / "none")
    assert (code, errors) == (FAILED, f"counter-verify: {tmp_path}/none: No such file or directory\n")
    code, _, errors = verify(REDIS_ADDR="127.0.0.1:1")
    assert (code, errors) == (FAILED, "counter-verify: cannot connect to Redis at 127.0.0.1:1: Connection refused\n")


def test_events_that_do_not_come_are_waited_for_in_vain(stack, verify):
    increment(stack, ("a", "like", 1))
    assert verify()[0] == EQUAL
    stack.service.terminate()
    stack.service.wait_stopped()
    stack.redis.call("XADD", "tally:{p0}:events", "*", "n", "2", "i", "x", "r", "x")
    stack.redis.call("HINCRBY", "tally:{p0}:outbox", "n", 1)
    code, _, errors = verify("--timeout", "1s")
    assert code == FAILED
    assert "1 event waits in Redis, and none was published for 1s: counter-service's /health says why" in errors
