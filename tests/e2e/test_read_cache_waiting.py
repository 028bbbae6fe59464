"""Reads that wait for another one's answer, of the read cache, while the service stands still."""

import concurrent.futures
import time

from harness.calls import counter_path, read


def read_at(gateway, resource, at):
    """The status, and how long it took."""
    time.sleep(max(0, at - time.monotonic()))
    began = time.monotonic()
    status = gateway.get(counter_path(resource, "like")).status
    return status, time.monotonic() - began


def test_who_waited_and_asks_again_is_answered_in_time(stack, resource):
    """Its deadline is before those of the reads that have come meanwhile and wait to be sent, and is kept."""
    gateway = stack.extra_gateway(
        CACHE_MAX_STALENESS="20s",
        SERVER_LOOPS=1,
        GRPC_COUNTER_SERVICE_WINDOW=1,
        GRPC_COUNTER_SERVICE_ATTEMPT_TIMEOUT="3900ms",
        BREAKER_FAILURES=1000,
    )
    read(gateway, resource)  # it is connected
    stack.service.pause()
    try:
        with concurrent.futures.ThreadPoolExecutor(110) as pool:
            begin = time.monotonic() + 0.3
            asker = pool.submit(read_at, gateway, resource + "x", begin)
            waiter = pool.submit(read_at, gateway, resource + "x", begin + 0.5)
            others = [pool.submit(read_at, gateway, f"{resource}{i}", begin + 0.7 + i * 0.03) for i in range(100)]
            for asked in (asker, waiter, *others):
                status, took = asked.result()
                assert status in (503, 504)
                assert took < 5.5  # its deadline is after 4; behind the others it would be after 7
    finally:
        stack.service.resume()
        stack.wait_ready()
