"""The sentinels that a service asks: what it says of those that do not help; and it needs them for failovers only."""

import contextlib

import pytest

from harness.calls import increment, read
from harness.daemons import Gateway, Service
from harness.ports import free_port
from harness.redis_sentinel import MASTER_NAME, RedisSentinel
from harness.wait import wait_until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def redis(start_kind):
    return start_kind(RedisSentinel)


@pytest.fixture
def start_service(redis, tmp_path):
    """With nothing in redis.addr, and other settings than redis's own."""
    with contextlib.ExitStack() as ends:

        def start(wait=True, **settings):
            service = Service(tmp_path, f"127.0.0.1:{free_port()}", **redis.service_settings | settings)
            ends.callback(service.close)
            service.start(wait=wait)
            ends.callback(service.stop)
            return service

        yield start


def health(service):
    response = service.get("/health")
    return response.status, response.body.decode()


def wait_not_ready(service, *reasons):
    def says_so():
        status, text = health(service)
        return status == 503 and all(reason in text for reason in reasons)

    wait_until(says_so, 20, f"/health to speak of {reasons}")


@pytest.mark.parametrize("mode", ["auto", "sentinel"])
def test_dead_sentinels_beside_one_that_lives_are_nothing(redis, start_service, mode):
    dead = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    addrs = ",".join([*dead, redis.sentinels[2].address])
    service = start_service(REDIS_MODE=mode, REDIS_SENTINEL_ADDRS=addrs)
    assert health(service)[0] == 200


def test_a_wrong_name_of_the_master_is_told(start_service):
    service = start_service(wait=False, REDIS_SENTINEL_MASTER="wrong")
    wait_not_ready(service, "it knows no master wrong (redis.sentinel_master)")


def test_a_redis_is_no_sentinel(redis, start_service):
    service = start_service(wait=False, REDIS_SENTINEL_ADDRS=redis.address)
    wait_not_ready(service, f"the sentinel {redis.address}: it refuses SENTINEL", "unknown command")


def test_dead_sentinels_are_told(start_service):
    address = f"127.0.0.1:{free_port()}"
    service = start_service(wait=False, REDIS_SENTINEL_ADDRS=address)
    wait_not_ready(service, f"the sentinel {address}", "Connection refused")


def test_a_password_that_they_do_not_have_is_told_and_not_shown(start_service):
    service = start_service(wait=False, REDIS_SENTINEL_PASSWORD="of-nobody")
    wait_not_ready(service, "Redis refuses AUTH")
    assert "of-nobody" not in health(service)[1] + service.log()


def test_a_sentinel_that_forgot_its_master_leaves_it_to_the_others(redis, start_service):
    redis.sentinels[0].call("SENTINEL", "REMOVE", MASTER_NAME)
    try:
        service = start_service()
        assert health(service)[0] == 200
    finally:
        redis.sentinels[0].call("SENTINEL", "MONITOR", MASTER_NAME, "127.0.0.1", redis.master_of_others().port, "2")
        redis.sentinels[0].call("SENTINEL", "SET", MASTER_NAME, "down-after-milliseconds", "1000")
        redis.wait_ok()


def test_service_goes_on_without_any_sentinel(redis, start_service, tmp_path, resource):
    service = start_service()
    gateway = Gateway(tmp_path, service.address)
    gateway.start()
    try:
        for sentinel in redis.sentinels:
            sentinel.kill()
        for number in range(1, 20):
            assert increment(gateway, resource).json()["value"] == number
            assert health(service)[0] == 200
        wait_until(lambda: "the sentinel " in service.log(), what="the log to tell of the sentinels")
        for sentinel in redis.sentinels:
            sentinel.start()
        redis.wait_ok()
        redis.call("WAIT", 1, 5000)
        redis.fail_over()
        wait_until(lambda: increment(gateway, f"{resource}-2").status == 200, 10, "the new master to be found")
        assert read(gateway, resource) == 19
    finally:
        gateway.stop()
        gateway.close()
