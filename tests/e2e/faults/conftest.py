"""The clusters that are broken here."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.daemons import SHIPPED_TIMEOUTS
from harness.pair import Pair


@pytest.fixture(scope="module")
def stack(start_cluster):
    return start_cluster(services=2, gateways=2, service=SHIPPED_TIMEOUTS, gateway=SHIPPED_TIMEOUTS)


@pytest.fixture(scope="module")
def patient_stack(start_cluster):
    """With longer time-outs: for faults that nobody is to notice, on a machine that may stand still for a second."""
    return start_cluster(services=2, gateways=2)


@pytest.fixture(scope="module")
def side_by_side(start_kind):
    """Runs scenes at the same time, because most of one is waiting. Takes functions of a pair by their name; returns a
    function that waits for the one of a name and raises what it raised."""
    with ThreadPoolExecutor(20) as threads:

        def run(scenes, **settings):
            pairs = {name: start_kind(Pair, **settings) for name in scenes}
            futures = {name: threads.submit(scene, pairs[name]) for name, scene in scenes.items()}
            return lambda name: futures[name].result()

        yield run
