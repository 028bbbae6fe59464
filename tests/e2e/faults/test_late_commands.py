"""Commands that lie on the way to Redis long after their service has given them up."""

import pytest

from harness.barrage import scenes_of_holding

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SCENES = scenes_of_holding(lambda pair: pair.redis_hop, 50_000)  # bytes of some eight batches


@pytest.fixture(scope="module")
def scenes(side_by_side):
    return side_by_side(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_commands_held_on_the_way_to_redis_do_not_count_late(scenes, name):
    scenes(name)
