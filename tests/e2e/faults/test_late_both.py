"""Five minutes on the way, to a service and to Redis."""

import functools
import time

import pytest

from harness.barrage import Barrage
from harness.proxy import PIECE, REQUESTS, WHOLE

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SECONDS = 300
HELD_MIN = 50_000  # bytes: of some eight batches


def held(pair, piece):
    with Barrage(pair, pause=2) as barrage:
        barrage.fire_until(lambda: pair.redis_hop.held() > HELD_MIN, lambda: pair.redis_hop.hold(REQUESTS))
        pair.wait_ready()  # the victim has new connections to Redis
        barrage.fire_until(lambda: pair.hop.held() > HELD_MIN, lambda: pair.hop.hold(REQUESTS))
        time.sleep(SECONDS)
        barrage.fire(lambda: pair.hop.release(piece), then=lambda: pair.redis_hop.release(piece))
        for proxy in (pair.hop, pair.redis_hop):
            proxy.wait_delivered()


SCENES = {"whole": functools.partial(held, piece=WHOLE), "in pieces": functools.partial(held, piece=PIECE)}


@pytest.fixture(scope="module")
def scenes(side_by_side):
    return side_by_side(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_calls_and_commands_held_for_five_minutes_do_not_count_late(scenes, name):
    scenes(name)
