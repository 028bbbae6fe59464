"""What both programs tell a service manager (sd_notify): the test is one, with a socket of its own."""

import os
import re
import signal
import socket
import time

import pytest

from harness.daemons import Daemon, Gateway, Service
from harness.process import Process
from harness.stopped_thread import stopped_thread
from harness.wait import wait_until

PROGRAMS = ["gateway", "counter-service"]
WATCHDOG_SECONDS = 1


class Manager:
    """Receives; path: of a file, or @ and a name."""

    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path.replace("@", "\0", 1) if path.startswith("@") else path)
        self._socket.settimeout(10)

    def next(self):
        """The next message: {"READY": "1", ...}"""
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())

    def next_but_watchdog(self):
        while True:
            message = self.next()
            if message != {"WATCHDOG": "1"}:
                return message

    def count_for(self, seconds):
        """How many messages come in that time; all must be the watchdog's."""
        end, count = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                assert self.next() == {"WATCHDOG": "1"}
                count += 1
            except TimeoutError:
                break
        self._socket.settimeout(10)
        return count

    def close(self):
        self._socket.close()


@pytest.fixture
def manager(tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.close()


@pytest.fixture
def launch(stack, tmp_path):
    """Starts a program of that name under a manager's variables."""
    made = []

    def make(name, notify_socket, watchdog=WATCHDOG_SECONDS, environment=(), start=Daemon.start, **settings):
        if name == "gateway":
            daemon = Gateway(tmp_path, stack.service.address, name="managed", **settings)
        else:
            daemon = Service(tmp_path, stack.redis.address, name="managed", **settings)
        daemon.env |= {"NOTIFY_SOCKET": notify_socket, **dict(environment)}
        if watchdog:
            daemon.env["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        made.append(daemon)
        start(daemon)
        return daemon

    yield make
    for daemon in made:
        daemon.close()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_whole_life_is_told(name, launch, manager):
    daemon = launch(name, manager.path, DRAIN_DELAY="2s", DRAIN_TIMEOUT="3s")
    assert manager.next() == {"READY": "1", "STATUS": "listening"}
    assert 2 <= manager.count_for(5 * WATCHDOG_SECONDS / 2) <= 5, "every half of what the manager waits"
    daemon.send_signal(signal.SIGHUP)
    reloading = manager.next_but_watchdog()
    assert reloading["RELOADING"] == "1" and reloading["STATUS"]
    assert abs(int(reloading["MONOTONIC_USEC"]) / 1e6 - time.monotonic()) < 5
    assert manager.next_but_watchdog() == {"READY": "1", "STATUS": "listening"}
    daemon.terminate()
    stopping = manager.next_but_watchdog()
    assert (stopping["STOPPING"], stopping["STATUS"]) == ("1", "draining")
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) >= 5_000_000, "longer than the drain"
    assert manager.next() == {"WATCHDOG": "1"}, "it works on while it drains"
    daemon.wait_stopped()


@pytest.mark.parametrize("name", PROGRAMS)
def test_ready_is_told_when_it_listens(name, launch, manager):
    daemon = launch(name, manager.path, start=Process.start)  # which does not wait
    assert manager.next()["READY"] == "1"
    assert daemon.get("/metrics").status == 200
    daemon.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_stopped_process_is_silent(name, launch, manager):
    daemon = launch(name, manager.path)
    assert manager.next()["READY"] == "1"
    daemon.pause()
    manager.count_for(0.1)  # what was on its way
    assert manager.count_for(2 * WATCHDOG_SECONDS) == 0
    daemon.resume()
    assert manager.count_for(2 * WATCHDOG_SECONDS) >= 2
    daemon.stop()


@pytest.mark.parametrize(
    ("name", "thread", "named"),
    [
        ("gateway", "http-loop", "http-loop"),
        ("counter-service", "rpc-0", "rpc"),
        ("counter-service", "store-0", "store"),
    ],
)
def test_a_thread_that_is_stuck_silences_the_watchdog(name, thread, named, launch, manager):
    daemon = launch(name, manager.path)
    assert manager.next()["READY"] == "1"
    try:
        with stopped_thread(daemon.pid, thread):
            daemon.wait_for_log("a thread is stuck")
            manager.count_for(0.1)  # what was on its way
            assert manager.count_for(1.5 * WATCHDOG_SECONDS) == 0
    except PermissionError:
        pytest.skip("this process may not trace others")
    (line,) = [line for line in daemon.log().splitlines() if "stuck" in line]
    assert f'"thread":"{named}","number":0' in line
    assert manager.next() == {"WATCHDOG": "1"}, "it turns again"
    daemon.stop()


def test_a_redis_that_stands_still_is_no_reason_to_be_restarted(stack, launch, manager):
    """For longer than a thread of the service may stand still."""
    service = launch("counter-service", manager.path, REDIS_TIMEOUT="10s")
    assert manager.next()["READY"] == "1"
    stack.redis.pause()
    try:
        manager.count_for(7)
        assert manager.next() == {"WATCHDOG": "1"}
    finally:
        stack.redis.resume()
    assert "stuck" not in service.log()
    service.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_watchdog_of_another_process_is_not_told(name, launch, manager):
    daemon = launch(name, manager.path, environment={"WATCHDOG_PID": str(os.getpid())})
    assert manager.next()["READY"] == "1"
    assert manager.count_for(2 * WATCHDOG_SECONDS) == 0
    daemon.stop()


def test_an_abstract_socket_is_reached(launch):
    manager = Manager(f"@tally-test-{os.getpid()}")
    try:
        daemon = launch("gateway", manager.path, watchdog=None)
        assert manager.next()["READY"] == "1"
        daemon.stop()
        assert manager.next()["STOPPING"] == "1"
    finally:
        manager.close()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_manager_that_is_not_there_is_told_in_the_log(name, launch, tmp_path):
    daemon = launch(name, str(tmp_path / "nobody"))
    daemon.wait_for_log("the service manager is not told that all is well")
    assert re.search(r"cannot send to NOTIFY_SOCKET .*/nobody: No such file", daemon.log())
    wait_until(daemon.is_ready)
    daemon.stop()
