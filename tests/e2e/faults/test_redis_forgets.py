"""Redis loses data while originals are on their way that were sent again elsewhere. What it lost is lost: nothing may
be there twice."""

import time

import pytest

from harness.barrage import Barrage
from harness.pair import Pair
from harness.proxy import PIECE, REQUESTS
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

HOLD_SECONDS = 12
# So that calls go on to be held.
GATEWAY = {"BREAKER_FAILURES": 1000}


def wait_served(pair):
    """Until one of the two serves again."""
    wait_until(pair.survivor.is_ready, what="the survivor to find Redis")
    wait_until(pair.gateway.is_ready, what="the gateway to find the survivor")


def followed(pair):
    store = pair.redis.call("GET", "tally:store")
    return store is not None and pair.gateway.health()["components"]["counter_service"]["store"] == store.decode()


def flushed(pair, proxy):
    def flush():
        pair.redis.call("FLUSHALL")
        wait_until(lambda: followed(pair), what="the gateway to go on with the empty store")
        wait_served(pair)

    with Barrage(pair) as barrage:
        barrage.fire(lambda: proxy.hold(REQUESTS))
        time.sleep(2)
        barrage.lose(flush)
        barrage.fire(lambda: proxy.hold(REQUESTS))
        time.sleep(HOLD_SECONDS)
        barrage.fire(lambda: proxy.release(PIECE))
        proxy.wait_delivered()


SCENES = {"calls": lambda pair: flushed(pair, pair.hop), "commands": lambda pair: flushed(pair, pair.redis_hop)}


@pytest.fixture(scope="module")
def scenes(side_by_side):
    return side_by_side(SCENES, gateway=GATEWAY)


def test_redis_restored_from_an_older_dump(scenes, start_kind):
    """Before the dump: nothing is lost. Until the fault: lost. Here, because Redis is started by the main thread."""
    pair = start_kind(Pair, redis={"appendonly": "no"}, gateway=GATEWAY)
    dumps = []

    def restore():
        pair.redis.restore(dumps[0])
        wait_served(pair)

    with Barrage(pair) as barrage:
        barrage.fire(lambda: pair.hop.hold(REQUESTS))
        barrage.keep(lambda: dumps.append(pair.redis.dump()))
        barrage.fire()
        time.sleep(HOLD_SECONDS)
        barrage.lose(restore)
        barrage.fire(lambda: pair.hop.release(PIECE))
        pair.hop.wait_delivered()


@pytest.mark.parametrize("name", SCENES)
def test_redis_flushed_while_they_are_held(scenes, name):
    scenes(name)
