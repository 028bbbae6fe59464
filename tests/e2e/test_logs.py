"""The log: its form, and that nobody waits for it."""

import json
import os
import threading
import time

import pytest

from harness.calls import INCREMENT, increment, increment_batch, item
from harness.daemons import Gateway, Service
from harness.law import check
from harness.load import Load
from harness.stubs import CounterServiceStub, failure, pb
from harness.wait import wait_until


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


@pytest.fixture(scope="module")
def talkative(stack, tmp_path_factory):
    """A gateway and its service that log from debug on."""
    directory = tmp_path_factory.mktemp("talkative")
    service = Service(directory, stack.redis.address, LOG_LEVEL="debug")
    gateway = Gateway(directory, service.address, LOG_LEVEL="debug")
    for daemon in (service, gateway):
        daemon.start()
    yield gateway, service
    for daemon in (gateway, service):
        daemon.stop()
        daemon.close()


def access_lines(daemon, msg, **wanted):
    return [line for line in lines(daemon) if line["msg"] == msg and wanted.items() <= line.items()]


def wait_for_access(daemon, msg, **wanted):
    """The only such line."""
    wait_until(lambda: access_lines(daemon, msg, **wanted))
    (line,) = access_lines(daemon, msg, **wanted)
    assert line["level"] == "debug" and 0 <= line["duration_us"] < 10e6
    return line


def test_each_request_is_a_line_at_debug(talkative, resource):
    gateway, service = talkative
    answer = gateway.post(INCREMENT, item(resource, user_id="user-in-no-log"), [("X-Request-Id", "access-1")])
    line = wait_for_access(gateway, "request answered", request_id="access-1")
    assert line["component"] == "http" and line["peer"] == "127.0.0.1"
    assert (line["method"], line["route"], line["status"]) == ("POST", INCREMENT, 200)
    assert line["bytes"] == len(answer.body)
    increment_batch(gateway, [item(resource), item(resource, "share"), item(resource, "view")])
    line = wait_for_access(service, "call answered", items=3)
    assert (line["component"], line["rpc"], line["code"]) == ("rpc", "SessionIncrement", "OK")
    assert line["peer"].startswith("ipv4:127.0.0.1:")
    service.request("POST", "/metrics")
    line = wait_for_access(service, "request answered", method="POST")
    assert (line["route"], line["status"]) == ("/metrics", 405)
    for daemon in talkative:
        assert "user-in-no-log" not in daemon.log() and resource not in daemon.log()


def test_an_access_line_has_nothing_of_a_path_or_an_unknown_rpc(talkative):
    gateway, service = talkative
    secret = "secret-in-no-log"

    def unmatched(daemon):
        return access_lines(daemon, "request answered", route="unmatched")

    for daemon in talkative:
        before = len(unmatched(daemon))
        for target in (f"/{secret}", f'/{secret}%22%0A%00?{secret}="', f"//{secret}//"):
            daemon.get(target, [("X-Request-Id", 'id"}'), ("User-Agent", secret)])
        daemon.request(secret.upper(), f"/{secret}")
        wait_until(lambda daemon=daemon, count=before + 4: len(unmatched(daemon)) == count)
        assert {line["method"] for line in unmatched(daemon)} == {"other", "GET"}
    assert unmatched(gateway)[0]["request_id"] == 'id"}'
    with service.channel() as channel:
        failure(channel.unary_unary(f"/{secret}/{secret}"), b"")
        failure(CounterServiceStub(channel).Increment, pb.IncrementRequest(resource_id=secret, counter_type=" "))
    assert wait_for_access(service, "call answered", rpc="other")["code"] == "UNIMPLEMENTED"
    assert wait_for_access(service, "call answered", rpc="Increment")["code"] == "INVALID_ARGUMENT"
    for daemon in talkative:
        assert secret not in daemon.log().lower()


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
