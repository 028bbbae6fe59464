"""Waiting for something to become true."""

import time


def wait_until(condition, timeout=20, what=None, interval=0.02):
    """Calls condition until it returns something true, and returns that. Errors of a network count as false."""
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = condition()
        except OSError as error:
            last = error
        else:
            if last:
                return last
        assert time.monotonic() < end, f"waited {timeout} s for {what or condition}; last seen: {last!r}"
        time.sleep(interval)
