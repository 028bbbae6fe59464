"""harness/redis_sentinel.py itself: tests of the sentinels that other tests rely on."""

import pytest
import redis

from harness.redis_sentinel import RedisSentinel

pytestmark = pytest.mark.timeout(180)


WITH_PASSWORDS = {"replicas": 2, "password": "of-redis", "sentinel_password": "of-sentinel"}


@pytest.fixture(scope="module", params=[{}, WITH_PASSWORDS])
def sentinel(start_kind, request):
    return start_kind(RedisSentinel, **request.param)


def test_the_sentinels_agree_on_the_master(sentinel):
    assert {one.master_port() for one in sentinel.sentinels} == {sentinel.master().port}
    assert len(sentinel.replicas()) == len(sentinel.nodes) - 1


def test_a_failover_without_a_need(sentinel):
    sentinel.call("SET", "kept", "1")
    sentinel.call("WAIT", 1, 5000)
    former = sentinel.master()
    master = sentinel.fail_over()
    assert master is not former and former in sentinel.replicas()
    assert sentinel.call("GET", "kept") == b"1"
    with pytest.raises(redis.exceptions.ReadOnlyError):
        former.call("SET", "kept", "2")


def test_a_failover_after_a_kill(sentinel):
    sentinel.call("SET", "kept", "2")
    sentinel.call("WAIT", 1, 5000)
    former = sentinel.master()
    assert sentinel.kill_master() is not former
    assert sentinel.call("GET", "kept") == b"2"
    assert former in sentinel.replicas()


def test_replicas_are_cut_off(sentinel):
    sentinel.pause_replicas()
    try:
        sentinel.call("SET", "late", "1")
        assert sentinel.call("WAIT", 1, 300) == 0
    finally:
        sentinel.resume_replicas()
    assert sentinel.call("WAIT", 1, 5000) >= 1


def test_passwords_are_asked_for(sentinel):
    if not sentinel.password:
        assert not sentinel.service_settings.keys() & {"REDIS_PASSWORD", "REDIS_SENTINEL_PASSWORD"}
        return
    for process in (sentinel.master(), sentinel.sentinels[0]):
        with redis.Redis(port=process.port) as client, pytest.raises(redis.exceptions.AuthenticationError):
            client.execute_command("PING")
