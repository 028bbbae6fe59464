"""harness/redis_cluster.py itself: tests of the Redis Cluster that other tests rely on."""

import pytest
import redis

from harness.redis_cluster import SLOTS, RedisCluster, in_background

pytestmark = pytest.mark.timeout(180)

KEYS = [f"{{k{number}}}:{name}" for number in range(60) for name in "ab"]


@pytest.fixture(scope="module")
def cluster(start_kind):
    return start_kind(RedisCluster)


@pytest.fixture
def filled(cluster):
    for key in KEYS:
        cluster.call("SET", key, key)
    yield cluster
    assert [cluster.call("GET", key).decode() for key in KEYS] == KEYS
    assert sorted(cluster.keys("{k*")) == sorted(KEYS)


def test_three_masters_share_all_slots_and_have_a_replica_each(cluster):
    slots = cluster.slots()
    assert len(slots) == 3
    assert sorted(slot for part in slots.values() for slot in part) == list(range(SLOTS))
    assert [len(cluster.replicas_of(master)) for master in cluster.masters()] == [1, 1, 1]


def test_a_node_that_has_not_the_key_says_who_has(cluster):
    owner = cluster.owner("x")
    other = next(master for master in cluster.masters() if master is not owner)
    with pytest.raises(redis.exceptions.MovedError) as raised:
        other.call("GET", "x")
    assert raised.value.port == owner.port


def test_all_slots_go_once_round(filled):
    before = filled.slots()
    filled.reshard_all()
    after = filled.slots()
    masters = filled.masters()
    for place, master in enumerate(masters):
        assert after[masters[(place + 1) % 3]] == before[master]


def test_keys_go_one_by_one_while_they_are_written(filled):
    def write():
        for key in KEYS[:10]:
            filled.call("SET", key, key)

    owners = {key: filled.owner(key) for key in KEYS}
    with in_background(write):
        filled.reshard_full()
    assert all(filled.owner(key) is not owners[key] for key in KEYS)


def test_slots_are_moved_by_redis_cli(filled):
    source, target, _ = filled.masters()
    before = len(filled.slots()[target])
    filled.reshard_by_cli(source, target, 20)
    assert len(filled.slots()[target]) == before + 20


def test_a_replica_takes_over_when_asked(filled):
    for master in filled.masters():
        successor = filled.fail_over(master)
        assert successor in filled.masters() and master not in filled.masters()


def test_a_replica_takes_over_when_the_master_is_killed(filled):
    master = filled.masters()[0]
    successor = filled.kill_master(master)
    assert successor in filled.masters() and filled.replicas_of(successor) == [master]


def test_all_are_killed_and_come_back_with_what_they_had(filled):
    before = filled.masters()
    filled.kill()
    filled.start()
    assert filled.masters() == before


def test_a_master_comes_and_goes(filled):
    fourth = filled.add_master()
    assert fourth not in filled.masters() and fourth.role() == "master"
    source = filled.masters()[0]
    filled.move_slots(source, fourth, sorted(filled.slots()[source])[:3000])
    filled.wait_ok()
    assert len(filled.slots()[fourth]) == 3000
    filled.remove_master(fourth)
    assert len(filled.masters()) == 3


def test_one_node_is_flushed_and_the_others_are_not(cluster):
    victim = cluster.masters()[0]
    for key in KEYS:
        cluster.call("SET", key, key)
    kept = [key for key in KEYS if cluster.owner(key) is not victim]
    victim.call("FLUSHALL")
    assert sorted(cluster.keys("{k*")) == sorted(kept)
