"""Commands that lie on the way to Redis long after their service has given them up."""

import functools
import time

import pytest

from harness.barrage import Barrage
from harness.proxy import PIECE, REQUESTS, WHOLE

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

HELD_MIN = 50_000  # bytes: of some eight batches


def held(pair, seconds, piece):
    with Barrage(pair) as barrage:
        barrage.fire_until(lambda: pair.redis_hop.held() > HELD_MIN, lambda: pair.redis_hop.hold(REQUESTS))
        time.sleep(seconds)
        barrage.fire(lambda: pair.redis_hop.release(piece))
        pair.redis_hop.wait_delivered()


SCENES = {
    "14 s, whole": functools.partial(held, seconds=14, piece=WHOLE),
    "14 s, in pieces": functools.partial(held, seconds=14, piece=PIECE),
    "60 s, whole": functools.partial(held, seconds=60, piece=WHOLE),
    "60 s, in pieces": functools.partial(held, seconds=60, piece=PIECE),
}


@pytest.fixture(scope="module")
def scenes(side_by_side):
    return side_by_side(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_commands_held_on_the_way_to_redis_do_not_count_late(scenes, name):
    scenes(name)
