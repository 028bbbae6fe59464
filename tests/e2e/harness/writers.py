"""Writes that go on while something else is looked at."""

import contextlib
import threading
import time

from harness.calls import increment_batch

_ENTRIES_WAITING = 20  # in the outbox
_THREADS = 2


@contextlib.contextmanager
def writers(stack, items):
    """Threads that send items(number), a list, with a number of their own each time: as fast as the relay carries the
    events away, so that what waits for it stays short on a slow machine too. What a batch is answered is of no matter,
    but that one at least is applied."""
    stopping = threading.Event()
    applied = threading.Event()

    def write(number):
        while not stopping.is_set():
            if stack.redis.call("XLEN", "tally:{p0}:events") > _ENTRIES_WAITING:
                time.sleep(0.01)
                continue
            if increment_batch(stack.gateway, items(number)).status == 200:
                applied.set()
            number += _THREADS

    threads = [threading.Thread(target=write, args=(first,), daemon=True) for first in range(_THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(20)
    assert applied.is_set(), "nothing was written"
