"""Calls that lie on the way to a service long after the gateway has sent them again elsewhere."""

import pytest

from harness.barrage import scenes_of_holding

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SCENES = scenes_of_holding(lambda pair: pair.hop, 100_000)  # bytes of some thirty batches


@pytest.fixture(scope="module")
def scenes(side_by_side):
    return side_by_side(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_calls_held_on_the_way_to_a_service_do_not_count_late(scenes, name):
    scenes(name)
