"""Restarts that nobody is to notice, gateways that die, and clients that misbehave beside those that do not."""

import random
import socket
import threading
import time

import pytest

from harness.calls import INCREMENT, item, read
from harness.exposition import kept, writes
from harness.faults import FAULT_SECONDS, under_load
from harness.http_client import HttpConnection, request_bytes
from harness.law import check_exact
from harness.load import Load
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def stack(start_cluster):
    return start_cluster(services=2, gateways=2)


def restart(stack, daemon):
    """The next one's turn is when this one serves again."""
    daemon.stop()
    daemon.start()
    stack.wait_ready()


def test_a_rolling_restart_of_the_services_fails_no_request(stack):
    def fault():
        for service in stack.services:
            restart(stack, service)

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_a_rolling_restart_of_the_gateways_fails_no_request(stack):
    def fault():
        for gateway in stack.gateways:
            restart(stack, gateway)

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_a_service_and_a_gateway_restarted_at_once_fail_no_request(stack):
    def fault():
        for pair in zip(stack.services, stack.gateways, strict=True):
            for daemon in pair:
                daemon.terminate()
            for daemon in pair:
                daemon.wait_stopped()
            for daemon in pair:
                daemon.start()
            stack.wait_ready()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_a_gateway_killed_while_clients_retry_by_keys_is_exact(stack):
    """They go on with the other gateway."""
    with Load(stack.load_port, connections=50, keyed=True) as load:
        time.sleep(FAULT_SECONDS)
        for gateway in stack.gateways:
            gateway.kill()
            time.sleep(FAULT_SECONDS)
            gateway.start()
            stack.wait_ready()
        ledger = load.stop()
    assert set(ledger.statuses) <= {200, 0, -1}, ledger
    check_exact(ledger, stack.values(ledger.counters()))


class Nuisance(threading.Thread):
    """Does one thing again and again until it is told to stop."""

    def __init__(self, deed):
        super().__init__(daemon=True)
        self._deed = deed
        self.stopping = threading.Event()
        self.times = 0

    def run(self):
        while not self.stopping.is_set():
            try:
                self._deed(self.stopping)
            except OSError:
                pass  # refused or cut off: what it deserves
            self.times += 1

    def stop(self):
        self.stopping.set()
        self.join(20)
        assert not self.is_alive() and self.times > 0, self._deed


def nuisances(port):
    whole = request_bytes("POST", INCREMENT, item("nuisance"))
    chance = random.Random(port)

    def drip(stopping):
        """One byte a time, never to the end."""
        with HttpConnection(port) as connection:
            for number in range(len(whole) - 1):
                connection.send(whole[number : number + 1])
                if stopping.wait(0.1):
                    return

    def send(data, wait):
        with HttpConnection(port, timeout=5) as connection:
            connection.send(data)
            if wait:
                connection.rest()

    def garbage(_):
        send(chance.randbytes(2000), wait=False)

    def oversize(_):
        send(request_bytes("POST", INCREMENT, b"x" * 300_000), wait=False)

    def smuggle(_):
        head = f"POST {INCREMENT} HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        send(head.encode() + b"0\r\n\r\n" + whole, wait=True)

    def leave_early(_):
        send(whole[: chance.randrange(1, len(whole))], wait=False)

    def leave_without_the_answer(_):
        send(request_bytes("GET", "/api/v1/counter/nuisance"), wait=False)

    def half_close(_):
        with HttpConnection(port, timeout=5) as connection:
            connection.send(whole[:-3])
            connection.end_sending()
            connection.rest()

    def reset(_):
        with HttpConnection(port) as connection:
            connection.send(whole[:-1])
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    deeds = [drip] * 20 + [garbage, oversize, smuggle, leave_early, leave_without_the_answer, half_close, reset]
    return [Nuisance(paced(deed)) for deed in deeds]


def paced(deed):
    """Not so often that this machine is busy with nothing else."""

    def run(stopping):
        deed(stopping)
        stopping.wait(0.05)

    return run


def test_slow_clients_and_garbage_under_load_disturb_nobody(stack):
    impatient = stack.add_gateway(SERVER_READ_TIMEOUT="2s")
    impatient.start()
    stack.wait_ready()
    before = kept(stack.gateways[0])
    crowd = [one for gateway in stack.gateways for one in nuisances(gateway.port)]

    def fault():
        for one in crowd:
            one.start()
        time.sleep(6)
        for one in crowd:
            one.stop()

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger
    assert read(stack.gateway, "nuisance") == 0, "not one of them was whole"
    for gateway in stack.gateways:
        accepted, ended = writes(gateway)
        assert accepted == sum(ended.values()), ended
    wait_until(
        lambda: all(now <= then for now, then in zip(kept(stack.gateways[0]), before, strict=True)),
        30,
        f"connections and descriptors to be {before} again",
    )
    stack.gateways.remove(impatient)
    impatient.stop()
    impatient.close()
