"""Every increment that was applied is an event, each counter's in order, whatever dies on the way to Kafka."""

import random
import subprocess
import time
import uuid

import pytest

from harness.batch_load import BatchLoad
from harness.daemons import environment
from harness.events import Chain, event_of, wait_published
from harness.faults import under_load
from harness.law import Ledger, check
from harness.leader import RELAY, TAKE_OVER_SECONDS, kill_leader, leader
from harness.load import Load
from harness.pair import Pair
from harness.paths import CONFIG, program
from harness.proxy import PIECE, REPLIES, REQUESTS
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

INCREMENTS = 1_000_000
COUNTERS = 1000
CLIENTS = 4
DAY = 86_400


@pytest.fixture
def topic():
    return f"events-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def stack(start_cluster, kafka, topic):
    # On a busy machine a million events may wait: none is to be dropped here.
    events = {"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic, "EVENTS_OUTBOX_MAX": 10_000_000}
    return start_cluster(services=2, gateways=2, service=events)


def kill_kafka(kafka):
    kafka.kill()
    time.sleep(3)
    kafka.start()


def stop_leader_for_20_seconds(stack):
    sleeper = wait_until(lambda: leader(stack, RELAY), TAKE_OVER_SECONDS)
    sleeper.pause()
    time.sleep(20)
    others = [service for service in stack.services if service is not sleeper]
    assert leader(stack, RELAY) is others[0]
    sleeper.resume()
    stack.wait_ready()


def check_events(stack, kafka, topic, partitions=1):
    """The events, each once, are all increments of all counters."""
    wait_published(stack.redis, 120, partitions)
    chain = Chain()
    for message in kafka.each_message(topic):
        chain.add(event_of(message))
    print(f"{chain.events} events, {chain.repetitions} repetitions")
    assert chain.sums == chain.values == stack.values(chain.values)
    verify(stack, kafka, topic)
    return chain.values


def verify(stack, kafka, topic):
    """counter-verify finds the same."""
    settings = {"REDIS_ADDR": stack.redis.address, "KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic}
    argv = [program("counter-verify"), "--config", CONFIG]
    done = subprocess.run(argv, env=environment(settings), capture_output=True, text=True, timeout=120, check=False)
    print(done.stdout)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "equal"), done


def test_a_million_increments_while_kafka_and_the_relay_die(stack, kafka, topic):
    loads = [BatchLoad(stack.gateway, COUNTERS, pause=0.06) for _ in range(CLIENTS)]
    for load in loads:
        load.start()
    time.sleep(1)
    kill_kafka(kafka)
    kill_leader(stack, RELAY)
    stop_leader_for_20_seconds(stack)
    kill_kafka(kafka)
    kill_leader(stack, RELAY)
    wait_until(lambda: sum(load.sent for load in loads) >= INCREMENTS, 300, what="a million increments")
    ledger = Ledger()
    for load in loads:
        load.stop()
        ledger.merge(load.ledger)
    sums = check_events(stack, kafka, topic)
    assert len(sums) == COUNTERS
    check(ledger, stack.values(ledger.counters()))


def test_redis_dies_and_its_events_with_its_counters_survive(stack, kafka, topic):
    def fault():
        stack.redis.kill()
        time.sleep(1)
        stack.redis.start()
        stack.wait_ready()
        stack.redis.call("CLIENT", "KILL", "TYPE", "normal")
        stack.redis.call("SCRIPT", "FLUSH")
        stack.redis.pause()
        time.sleep(2)
        stack.redis.resume()

    under_load(stack, fault)
    check_events(stack, kafka, topic)


def test_redis_clock_steps_and_each_event_comes_in_order(start_kind, kafka, topic):
    """A dead relay's lease, which ends by that clock, is cut short where the clock has stepped back."""
    events = {"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic}
    pair = start_kind(Pair, service=events)
    pair.services = [pair.victim, pair.survivor]
    with Load(pair.gateway.port, connections=10) as load:
        for seconds in (60, -60, DAY, -DAY):
            pair.redis.step(seconds)
            time.sleep(2)
        victim = wait_until(lambda: leader(pair, RELAY), TAKE_OVER_SECONDS)
        pair.redis.step(-3600)
        victim.kill()
        wait_until(lambda: leader(pair, RELAY), TAKE_OVER_SECONDS, what="the other one to take over")
        victim.start()
        pair.wait_ready()
        ledger = load.stop()
    sums = check_events(pair, kafka, topic)
    check(ledger, {counter: sums.get(counter, 0) for counter in ledger.counters()})


@pytest.mark.parametrize("partitions", [1, 8])
def test_short_stops_of_everything_and_each_event_comes_in_order(start_kind, kafka, topic, partitions):
    """So that exchanges with Redis fail that it has run; the topic is a new one."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    events = {"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic, "REDIS_PARTITIONS": partitions}
    pair = start_kind(Pair, service={**events, "REDIS_TIMEOUT": "50ms"})
    pair.services = [pair.victim, pair.survivor]
    with Load(pair.gateway.port, connections=10) as load:
        for _ in range(40):
            time.sleep(rng.uniform(0, 0.5))
            process = rng.choice([pair.redis, kafka, *pair.services])
            process.pause()
            time.sleep(rng.choice([0.03, 0.1, 0.3, 1]))
            process.resume()
        ledger = load.stop()
    pair.wait_ready()
    check(ledger, check_events(pair, kafka, topic, partitions))


def test_bytes_on_their_way_to_kafka_are_held_and_each_event_comes_in_order(start_kafka, start_stack, topic):
    """For longer than librdkafka waits for an answer, so that it sends them again."""
    kafka = start_kafka(name="behind", behind_proxy=True)
    stack = start_stack(service={"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic})
    with Load(stack.load_port, connections=10) as load:
        time.sleep(2)
        for way in (REQUESTS, REPLIES):
            kafka.hop.hold(way)
            time.sleep(15)
            kafka.hop.release(PIECE)
            time.sleep(2)
        ledger = load.stop()
    assert set(ledger.statuses) == {200}, ledger
    stack.services = [stack.service]
    check(ledger, check_events(stack, kafka, topic))
