"""Free TCP ports on 127.0.0.1."""

import os
import random
import socket

# Below the range from which the kernel takes the ports of outgoing connections; each pytest worker has its own part.
_PART = 2000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_FIRST = 11000 + _worker * _PART
_given = set()


def free_port():
    """A port that nothing listens on, and that was not given before."""
    while True:
        port = random.randrange(_FIRST, _FIRST + _PART)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
