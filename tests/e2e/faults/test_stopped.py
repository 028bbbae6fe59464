"""Processes that stand still with batches in flight, and then go on with them."""

import functools
import time

import pytest

from harness.barrage import Barrage
from harness.proxy import REPLIES, REQUESTS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


def service_stopped(pair, seconds):
    with Barrage(pair) as barrage:
        barrage.fire(pair.victim.pause)
        time.sleep(seconds)
        barrage.fire(pair.victim.resume)


def gateway_stopped(pair, seconds):
    """Its clients wait in vain, and the other gateway's do not notice."""
    with Barrage(pair) as barrage:
        barrage.fire(pair.gateways[1].pause)
        time.sleep(seconds)
        barrage.fire(pair.gateways[1].resume)


def gateway_machine_stopped(pair, seconds):
    """With what it had sent and not yet brought out."""

    def stop():
        pair.hop.hold(REQUESTS, REPLIES)
        pair.gateways[1].pause()

    def go_on():
        pair.gateways[1].resume()
        pair.hop.release()

    with Barrage(pair) as barrage:
        barrage.fire(stop)
        time.sleep(seconds)
        barrage.fire(go_on)


SCENES = {
    "a service, 12 s": functools.partial(service_stopped, seconds=12),
    "a service, 60 s": functools.partial(service_stopped, seconds=60),
    "a gateway, 12 s": functools.partial(gateway_stopped, seconds=12),
    "a gateway, 60 s": functools.partial(gateway_stopped, seconds=60),
    "a gateway's machine, 14 s": functools.partial(gateway_machine_stopped, seconds=14),
}


@pytest.fixture(scope="module")
def scenes(side_by_side):
    return side_by_side(SCENES, gateways=2)


@pytest.mark.parametrize("name", SCENES)
def test_what_a_stopped_process_had_in_flight_does_not_count_late(scenes, name):
    scenes(name)
