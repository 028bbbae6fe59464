"""Rankings are the sums of the events of their times, while Redis's clock goes over the edges of all windows."""

import subprocess
import time
import uuid

import pytest

from harness.batch_load import BatchLoad
from harness.daemons import environment
from harness.events import wait_published
from harness.leader import AGGREGATOR, TAKE_OVER_SECONDS, health_of, kill_leader, leader
from harness.paths import CONFIG, program
from harness.stepped_redis import SteppedRedis
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

RANKINGS = "[{counter_type: hit, windows: [hour, day, week, month, all], rolling: [1h, 24h], keep: 2000}]"
COUNTERS = 20_000
CLIENTS = 3
MINUTE, HOUR, DAY = 60, 3600, 86_400
# Over buckets, and then an hour, a day, a week and a month; and back.
STEPS = MINUTE, 2 * MINUTE, 50 * MINUTE, HOUR, 25 * HOUR, 8 * DAY, -HOUR, 32 * DAY, 61 * MINUTE


@pytest.fixture
def topic():
    return f"events-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def stack(start_cluster, kafka, topic):
    settings = {"RANKINGS": RANKINGS, "KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic}
    stack = start_cluster(services=2, gateways=2, service=settings, redis_kind=SteppedRedis)
    wait_until(lambda: leader(stack, AGGREGATOR), TAKE_OVER_SECONDS)
    return stack


def all_ranked(stack):
    leading = leader(stack, AGGREGATOR)
    return leading and health_of(leading, AGGREGATOR)["waiting"] == 0


def verify(stack, kafka, topic):
    """counter-verify adds up the events of the topic by itself, and compares."""
    settings = {
        "REDIS_ADDR": stack.redis.address,
        "KAFKA_BROKERS": kafka.address,
        "KAFKA_TOPIC": topic,
        "RANKINGS": RANKINGS,
    }
    argv = [program("counter-verify"), "--config", CONFIG, "--rankings"]
    return subprocess.run(argv, env=environment(settings), capture_output=True, text=True, timeout=120, check=False)


def test_the_clock_goes_over_every_edge_while_the_leader_dies(stack, kafka, topic):
    loads = [BatchLoad(stack.gateway, COUNTERS, pause=0.05, deltas=(-2, -1, 1, 2, 3)) for _ in range(CLIENTS)]
    for load in loads:
        load.start()
    for number, seconds in enumerate(STEPS):
        time.sleep(2)
        stack.redis.step(seconds)
        if number % 3 == 2:
            kill_leader(stack, AGGREGATOR)
    time.sleep(2)
    for load in loads:
        load.stop()
    wait_published(stack.redis, 120)
    wait_until(lambda: all_ranked(stack), 60)
    done = verify(stack, kafka, topic)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "equal"
    assert "not compared" not in done.stdout
