"""Free TCP ports on 127.0.0.1."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range from which the kernel takes the ports of outgoing connections; each pytest worker has its own part.
_PART = 2000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_FIRST = 11000 + _worker * _PART
# A locked file a port: until its process listens, or while it is to be started again, nothing else tells another run of
# the tests on this machine that it is taken. The locks end with this process.
_LOCKS = Path(tempfile.gettempdir()) / f"tally-test-ports-{os.getuid()}"
_given = {}


def free_port():
    """A port that nothing listens on, and that was not given before, by this run or another one."""
    while True:
        port = random.randrange(_FIRST, _FIRST + _PART)
        if port not in _given and _is_reserved(port) and _is_free(port):
            return port


def _is_reserved(port):
    _LOCKS.mkdir(exist_ok=True)
    lock = open(_LOCKS / str(port), "wb")  # for as long as the process lives
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _given[port] = lock
    return True


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
