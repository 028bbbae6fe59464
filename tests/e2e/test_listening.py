"""Where the gateway listens: on every address of a name, and on a port that is nobody else's."""

import os
import socket
import subprocess

import pytest

from harness.calls import increment
from harness.daemons import Gateway, environment
from harness.paths import CONFIG, program

TWO_ADDRESSES = "127.0.0.1 two.test\n::1 two.test\n127.0.0.1 localhost\n"
# The rest of the line is run with another /etc/hosts, which nobody else sees.
WITH_HOSTS = ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/hosts && shift && exec "$@"', "sh"]


def may_mount(hosts):
    return subprocess.run([*WITH_HOSTS, hosts, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("loops", [1, 3])
def test_a_second_gateway_does_not_get_the_port(stack, resource, loops):
    first = stack.extra_gateway(SERVER_LOOPS=loops)
    first.wait_ready()
    for second_loops in (1, 3):
        settings = first.settings | {"SERVER_LOOPS": second_loops}
        second = subprocess.run(
            [program("gateway"), "--config", CONFIG],
            env=environment(settings),
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        assert second.returncode != 0
        assert f"cannot listen on 127.0.0.1:{first.port}: Address already in use" in second.stdout + second.stderr
    assert [increment(first, resource).json()["value"] for _ in range(20)] == list(range(1, 21))
    first.stop()
    first.start()
    assert increment(first, resource).json()["value"] == 21


def test_all_addresses_of_a_name_are_listened_on(stack, tmp_path, resource):
    hosts = tmp_path / "hosts"
    hosts.write_text(TWO_ADDRESSES)
    if os.geteuid() != 0 or not may_mount(hosts):
        pytest.skip("another /etc/hosts for one process needs the right to mount")
    gateway = Gateway(tmp_path, stack.service.address, SERVER_HOST="two.test", SERVER_LOOPS=2)
    gateway.argv = [*WITH_HOSTS, str(hosts), *gateway.argv]
    gateway.start()
    try:
        assert increment(gateway, resource).json()["value"] == 1
        request = b"GET /api/v1/counter/%s/like HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" % resource.encode()
        for _ in range(50):
            with socket.create_connection(("::1", gateway.port), 10) as connection:
                connection.sendall(request)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 200") and b'"value":1}' in answer
        assert gateway.get("/health/live").status == 200
        gateway.stop()
        for address in ("127.0.0.1", "::1"):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, gateway.port), 10)
    finally:
        gateway.close()
