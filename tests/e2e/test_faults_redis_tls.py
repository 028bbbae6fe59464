"""Redis breaks under load, and the way to it is TLS as a user: what is sent and what is not is as sure as without."""

import time

import pytest

from harness.authority import Authority, tls_settings
from harness.faults import under_load
from harness.law import ACKNOWLEDGED, UNKNOWN
from harness.ports import free_port
from harness.proxy import PIECE, REPLIES, REQUESTS, Proxy
from harness.rights import readme_rule
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

PASSWORD = "s3cret-of-tally"


@pytest.fixture(scope="module")
def proxied(start_stack, tmp_path_factory):
    """(stack, proxy): the service reaches Redis through the proxy only, and gives it up after 1.5 s. The circuit
    breaker would end what these are about."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    port = free_port()
    proxy = Proxy(port)
    service = {"REDIS_USERNAME": "tally", "REDIS_PASSWORD": PASSWORD, "REDIS_TLS": "true", "REDIS_WORKERS": 2}
    service |= {"REDIS_TLS_CA": authority.path, "REDIS_TIMEOUT": "1500ms"}
    stack = start_stack(
        redis=tls_settings(authority, port) | {"user": ["tally", *readme_rule(PASSWORD)]},
        redis_address=proxy.address,
        service=service,
        gateway={"BREAKER_FAILURES": 1000},
    )
    yield stack, proxy
    proxy.close()


def test_a_redis_with_tls_is_killed(proxied):
    stack, _ = proxied

    def fault():
        for _ in range(3):
            stack.redis.kill()
            wait_until(lambda: stack.service.get("/health").status == 503, what="the service to notice")
            stack.redis.start()
            stack.wait_ready()

    under_load(stack, fault)


def test_a_redis_with_tls_is_paused(proxied):
    stack, _ = proxied

    def fault():
        stack.redis.pause()
        wait_until(lambda: stack.service.get("/health").status == 503, what="the service to notice")
        time.sleep(3)
        stack.redis.resume()

    under_load(stack, fault, settle=2)


def test_replies_lost_on_the_way_back_do_not_count_twice(proxied):
    stack, proxy = proxied

    def fault():
        for _ in range(4):
            proxy.hold(REPLIES)
            time.sleep(0.05)
            proxy.cut()
            time.sleep(0.5)

    under_load(stack, fault)


def test_writes_held_back_on_the_way_do_not_count_late(proxied):
    stack, proxy = proxied

    def fault():
        for _ in range(3):
            proxy.hold(REQUESTS)
            time.sleep(2)
        time.sleep(9)
        proxy.release(PIECE)

    ledger = under_load(stack, fault, settle=2)
    assert ledger.total(UNKNOWN) < ledger.total(ACKNOWLEDGED) / 10, ledger


def test_records_that_come_in_pieces_are_put_together(proxied):
    stack, proxy = proxied

    def fault():
        for _ in range(5):
            proxy.hold(REQUESTS, REPLIES)
            time.sleep(0.2)
            proxy.release(PIECE)
            time.sleep(0.4)

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger
