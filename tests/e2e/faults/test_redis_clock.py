"""Redis's clock is set forward or back while batches are on their way."""

import functools
import time

import pytest

from harness.barrage import Barrage
from harness.proxy import PIECE, REPLIES, REQUESTS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(390)]

DAY = 86_400
HOLD_SECONDS = 12
HELD_MIN = 50_000  # bytes: of some eight batches
# So that what a re-send finds in Redis is of the clock after the step.
GATEWAY = {"GRPC_COUNTER_SERVICE_ATTEMPT_TIMEOUT": "2s"}


def between_writes_and_their_re_sends(pair, barrage, seconds):
    """The victim's writes are applied, and the gateway never hears of it."""
    before = pair.retries()

    def step():
        pair.wait_quiet(0.3)
        pair.redis.step(seconds)

    barrage.fire_until(lambda: pair.retries() > before, lambda: pair.redis_hop.hold(REPLIES), step)
    pair.redis_hop.release()


def while_commands_and_calls_are_held(pair, barrage, seconds):
    barrage.fire_until(lambda: pair.redis_hop.held() > HELD_MIN, lambda: pair.redis_hop.hold(REQUESTS))
    pair.wait_ready()  # the victim has new connections to Redis
    barrage.fire_until(lambda: pair.hop.held() > HELD_MIN, lambda: pair.hop.hold(REQUESTS))
    time.sleep(HOLD_SECONDS)
    pair.redis.step(seconds)
    barrage.fire(lambda: pair.redis_hop.release(PIECE), then=lambda: pair.hop.release(PIECE))
    for proxy in (pair.hop, pair.redis_hop):
        proxy.wait_delivered()


def while_a_service_stands_still(pair, barrage, seconds):
    barrage.fire(pair.victim.pause)
    barrage.fire(lambda: pair.redis.step(seconds))
    barrage.fire(pair.victim.resume)


STEPS = between_writes_and_their_re_sends, while_commands_and_calls_are_held, while_a_service_stands_still


def stepped(pair, seconds):
    """A day ends the life of keys, so they promise nothing then."""
    with Barrage(pair, keyed=abs(seconds) < DAY, pause=1) as barrage:
        for scene in STEPS:
            scene(pair, barrage, seconds)
            pair.wait_ready()


SCENES = {f"{seconds:+} s": functools.partial(stepped, seconds=seconds) for seconds in (15, -15, 60, -60, DAY, -DAY)}


@pytest.fixture(scope="module")
def scenes(side_by_side):
    return side_by_side(SCENES, gateway=GATEWAY)


@pytest.mark.parametrize("name", SCENES)
def test_a_step_of_the_clock_counts_nothing_twice(scenes, name):
    scenes(name)
