"""The log: its form, and that nobody waits for it."""

import json
import os
import threading
import time

import pytest

from harness.calls import increment
from harness.daemons import Gateway, Service
from harness.law import check
from harness.load import Load


def lines(daemon):
    return [json.loads(line) for line in daemon.log().splitlines()]


def test_each_line_is_a_json_object_with_the_usual_members(stack):
    for daemon in (stack.gateway, stack.service):
        assert lines(daemon)
        for line in lines(daemon):
            assert {"ts", "level", "msg", "component"} <= set(line), line


def test_requests_are_not_logged_at_info(stack, resource):
    """A line that has nothing to do with them may come meanwhile."""
    daemons = (stack.gateway, stack.service)
    before = [len(lines(daemon)) for daemon in daemons]
    for _ in range(50):
        increment(stack.gateway, resource, user_id="user-in-no-log")
    increment(stack.gateway, resource, increment=0)
    time.sleep(0.5)  # lines are written in the background
    for daemon, count in zip(daemons, before, strict=True):
        assert "user-in-no-log" not in daemon.log()
        assert len(lines(daemon)) - count < 5, daemon.log_tail()


def test_a_failure_that_repeats_is_not_logged_again_and_again(stack, resource):
    before = len(lines(stack.service)) + len(lines(stack.gateway))
    stack.redis.kill()
    for _ in range(150):
        increment(stack.gateway, resource)
        time.sleep(0.01)
    stack.redis.start()
    stack.wait_ready()
    assert len(lines(stack.service)) + len(lines(stack.gateway)) - before < 20


@pytest.fixture(params=["a pipe that nobody reads", "a full disk"])
def bad_output(request):
    """A file descriptor that a log cannot be written to."""
    if request.param == "a full disk":
        descriptor = os.open("/dev/full", os.O_WRONLY)
        yield descriptor
    else:
        reader, descriptor = os.pipe()
        os.set_blocking(descriptor, False)
        try:
            while True:
                os.write(descriptor, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(descriptor, True)
        yield descriptor
        os.close(reader)
    os.close(descriptor)


def test_a_log_that_cannot_be_written_delays_nobody(stack, tmp_path, bad_output):
    settings = {"LOG_LEVEL": "debug"}
    service = Service(tmp_path, stack.redis.address, **settings)
    gateway = Gateway(tmp_path, service.address, **settings)
    for daemon in (service, gateway):
        daemon.stdout = bad_output
        daemon.start()
    with Load(gateway.port, connections=20) as load:
        time.sleep(1.5)
        ledger = load.stop()
    stops = [threading.Thread(target=daemon.stop) for daemon in (gateway, service)]
    for stop in stops:
        stop.start()
    for stop in stops:
        stop.join()
    for daemon in (gateway, service):
        daemon.close()
    assert set(ledger.statuses) == {200} and ledger.slowest < 5, ledger
    check(ledger, stack.values(ledger.counters()))
