"""Redis breaks under load: what was acknowledged is there, what was refused is not, and all heals by itself."""

import time

import grpc
import pytest

from harness.daemons import SHIPPED_TIMEOUTS, Service
from harness.faults import under_load
from harness.law import ACKNOWLEDGED, UNKNOWN
from harness.proxy import REPLIES, REQUESTS, Proxy
from harness.stubs import CounterServiceStub, failure, outcome, pb
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(service=SHIPPED_TIMEOUTS, gateway=SHIPPED_TIMEOUTS)


@pytest.fixture(scope="module")
def patient_stack(start_stack):
    """With longer time-outs: for faults that nobody is to notice, on a machine that may stand still for a second."""
    return start_stack()


def wait_until_not_serving(stack):
    wait_until(lambda: stack.service.get("/health").status == 503, what="the service to notice")


def test_redis_killed_and_restarted(stack):
    def fault():
        stack.redis.kill()
        wait_until_not_serving(stack)
        time.sleep(1)
        stack.redis.start()

    under_load(stack, fault)


def test_redis_paused_for_five_seconds(stack):
    def fault():
        stack.redis.pause()
        wait_until_not_serving(stack)
        time.sleep(4)
        stack.redis.resume()

    under_load(stack, fault, settle=2)


def test_redis_connections_cut_again_and_again(stack):
    def fault():
        with stack.redis.client() as redis:
            for _ in range(10):
                redis.execute_command("CLIENT", "KILL", "TYPE", "normal")
                time.sleep(0.3)

    under_load(stack, fault)


def test_scripts_flushed_and_nobody_notices(patient_stack):
    def fault():
        with patient_stack.redis.client() as redis:
            for _ in range(20):
                redis.execute_command("SCRIPT", "FLUSH")
                time.sleep(0.1)

    ledger = under_load(patient_stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_redis_stands_still_for_less_than_its_timeout_and_nobody_notices(patient_stack):
    """The breaker opens, since attempts are given up; but calls have the time to wait for its probe."""

    def fault():
        for _ in range(3):
            patient_stack.redis.pause()
            time.sleep(0.9)
            patient_stack.redis.resume()
            time.sleep(1)

    ledger = under_load(patient_stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_connections_to_redis_cut_once_in_a_while_and_nobody_notices(patient_stack):
    """They are back within milliseconds: what was under way is settled, what comes waits for that."""

    def fault():
        with patient_stack.redis.client() as redis:
            for _ in range(5):
                redis.execute_command("CLIENT", "KILL", "TYPE", "normal")
                time.sleep(1.2)

    ledger = under_load(patient_stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_redis_out_of_memory(stack):
    def fault():
        stack.redis.config_set("maxmemory", "1")
        time.sleep(2)
        stack.redis.config_set("maxmemory", "0")

    ledger = under_load(stack, fault)
    assert ledger.statuses[503] > 0, ledger
    assert ledger.total(UNKNOWN) == 0, f"a refusal of Redis is not an unknown outcome: {ledger}"


def test_redis_turned_into_a_replica_and_back(stack):
    def fault():
        stack.redis.call("REPLICAOF", "127.0.0.1", "1")
        wait_until_not_serving(stack)
        time.sleep(1)
        stack.redis.call("REPLICAOF", "NO", "ONE")

    ledger = under_load(stack, fault)
    assert ledger.statuses[503] > 0, ledger


def test_redis_without_a_connection_to_spare(stack):
    def fault():
        with stack.redis.client() as redis:
            redis.execute_command("CONFIG", "SET", "maxclients", "1")
            redis.execute_command("CLIENT", "KILL", "TYPE", "normal")
            wait_until_not_serving(stack)
            time.sleep(1)
            redis.execute_command("CONFIG", "SET", "maxclients", "1000")

    under_load(stack, fault)


@pytest.fixture(scope="module")
def proxied(start_stack):
    """(stack, proxy): the service reaches Redis through the proxy only, and gives it up after 1.5 s. These are about
    sending again: the circuit breaker would end it."""
    stack = start_stack(service={"REDIS_TIMEOUT": "1500ms"}, gateway={"BREAKER_FAILURES": 1000})
    proxy = Proxy(stack.redis.port)
    stack.service.stop()
    stack.service.env["TALLY_REDIS_ADDR"] = proxy.address
    stack.service.start()
    stack.wait_ready()
    yield stack, proxy
    proxy.close()


@pytest.fixture
def quiet(stack, tmp_path):
    """(service, proxy): another service on the same Redis, through a proxy, without any load."""
    proxy = Proxy(stack.redis.port)
    service = Service(tmp_path, proxy.address, name="quiet", **SHIPPED_TIMEOUTS)
    service.start()
    yield service, proxy
    service.stop()
    service.close()
    proxy.close()


def resend_until_answered(stub, message):
    def answer():
        try:
            return stub.SessionIncrement(message, timeout=3)
        except grpc.RpcError:
            return None

    return wait_until(answer, 10, "the batch sent again to be answered")


def test_a_write_held_back_on_the_way_does_not_count_late(quiet, resource):
    """The original comes out of the network when the lane has gone on."""
    service, proxy = quiet
    with service.channel() as channel:
        stub = CounterServiceStub(channel)
        session = stub.OpenSession(pb.OpenSessionRequest(), timeout=5).session
        items = [pb.IncrementRequest(resource_id=resource, counter_type="hit", delta=1)]
        message = pb.SessionIncrementRequest(session=session, lane=0, sequence=1, items=items)
        proxy.hold(REQUESTS)
        error = failure(stub.SessionIncrement, message)
        assert outcome(error) in ("unknown", None), error
        assert resend_until_answered(stub, message).results[0].value == 1
        other = pb.IncrementRequest(resource_id=resource, counter_type="other", delta=1)
        stub.SessionIncrement(pb.SessionIncrementRequest(session=session, lane=0, sequence=2, items=[other]), timeout=5)
        proxy.release()
        proxy.wait_delivered()
        time.sleep(1)
        assert stub.Get(pb.GetRequest(resource_id=resource, counter_type="hit"), timeout=5).value == 1


def test_writes_held_back_on_the_way_under_load_do_not_count_late(proxied):
    stack, proxy = proxied

    def fault():
        for _ in range(3):
            proxy.hold(REQUESTS)
            time.sleep(2)
        time.sleep(9)
        proxy.release()

    ledger = under_load(stack, fault, settle=2)
    assert ledger.total(UNKNOWN) < ledger.total(ACKNOWLEDGED) / 10, ledger


def test_replies_lost_on_the_way_back_do_not_count_twice(proxied):
    stack, proxy = proxied

    def fault():
        for _ in range(4):
            proxy.hold(REPLIES)
            time.sleep(0.05)
            proxy.cut()
            time.sleep(0.5)

    under_load(stack, fault)


def test_replies_late_for_an_attempt_do_not_count_twice(proxied):
    """Later than the gateway waits before it sends again, earlier than the service gives Redis up."""
    stack, proxy = proxied

    def fault():
        for _ in range(4):
            proxy.hold(REPLIES)
            time.sleep(0.8)
            proxy.release()
            time.sleep(0.7)

    ledger = under_load(stack, fault)
    assert set(ledger.statuses) == {200}, ledger


def test_a_slow_way_to_redis_costs_no_exactness(proxied):
    stack, proxy = proxied

    def fault():
        proxy.delay = 0.2
        time.sleep(3)
        proxy.delay = 0

    under_load(stack, fault)
