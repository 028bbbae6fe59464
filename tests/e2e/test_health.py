"""Health over HTTP and gRPC: what orchestrators and gateways go by."""

import subprocess

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from harness.calls import counter_path, increment, read
from harness.daemons import environment
from harness.http_client import NO_BODY
from harness.paths import CONFIG, program
from harness.problems import check_problem, check_retry_after
from harness.stubs import SERVICE, failure
from harness.wait import wait_until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture(scope="module")
def health(channel):
    return health_pb2_grpc.HealthStub(channel)


def state(health, name=SERVICE):
    return health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5).status


def statuses(gateway):
    return [gateway.get(path).status for path in ("/health/live", "/health/ready", "/health")]


def is_live(service):
    """What Kubernetes restarts it by: not whether others are well."""
    response = service.request("GET", "/health/live", NO_BODY, (), 2.5)
    return (response.status, response.json()) == (200, {"status": "ok"})


def check_health_document(response):
    document = response.json()
    assert document["status"] and isinstance(document["components"], dict) and document["components"], document
    return document


def ask_own_health(name, settings):
    """The exit code of --health."""
    return subprocess.run(
        [program(name), "--config", CONFIG, "--health"], env=environment(settings), capture_output=True, timeout=10
    ).returncode


def test_all_is_well(stack, health):
    assert statuses(stack.gateway) == [200, 200, 200]
    assert stack.service.get("/health").status == 200
    assert [state(health, name) for name in ("", SERVICE)] == [SERVING, SERVING]
    check_health_document(stack.gateway.get("/health"))
    check_health_document(stack.service.get("/health"))


def test_an_unknown_service_is_not_found(health):
    error = failure(health.Check, health_pb2.HealthCheckRequest(service="tally.v1.Nothing"))
    assert error.code() == grpc.StatusCode.NOT_FOUND


def test_watching_an_unknown_service_says_so_and_stays_open(health):
    watch = health.Watch(health_pb2.HealthCheckRequest(service="tally.v1.Nothing"), timeout=10)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    assert watch.is_active()
    watch.cancel()


def test_health_follows_redis_down_and_up(stack, gateway, health, resource):
    increment(gateway, resource, increment=3)
    with stack.service.channel() as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=50)
        assert next(watch).status == SERVING

        stack.redis.kill()
        assert next(watch).status == NOT_SERVING
        assert [state(health, name) for name in ("", SERVICE)] == [NOT_SERVING, NOT_SERVING]
        wait_until(lambda: statuses(gateway) == [200, 503, 503], what="the gateway to be not ready")
        response = stack.service.get("/health")
        assert response.status == 503
        check_health_document(response)
        assert is_live(stack.service)
        check_health_document(gateway.get("/health"))
        assert ask_own_health("gateway", gateway.settings) == 1
        assert ask_own_health("counter-service", stack.service.settings) == 1

        response = increment(gateway, resource)
        check_problem(response, 503, "not_applied")
        check_retry_after(response)
        for path in (counter_path(resource, "like"), counter_path(resource)):
            response = gateway.get(path)
            check_problem(response, 503, None)
            check_retry_after(response)

        stack.redis.start()
        assert next(watch).status == SERVING
        watch.cancel()
    stack.wait_ready()
    assert statuses(gateway) == [200, 200, 200]
    assert read(gateway, resource) == 3


def test_health_is_answered_at_once_while_redis_is_stuck(stack, gateway, health, resource):
    stack.redis.pause()
    try:
        increment(gateway, resource)
        for _ in range(10):
            health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=2.5)
            stack.service.request("GET", "/health", NO_BODY, (), 2.5)
            assert is_live(stack.service)
            gateway.request("GET", "/health/live", NO_BODY, (), 2.5)
        wait_until(lambda: state(health) == NOT_SERVING)
    finally:
        stack.redis.resume()
    stack.wait_ready()


def test_the_gateway_follows_the_service_away_and_back(stack, gateway, resource):
    stack.service.kill()
    wait_until(lambda: statuses(gateway) == [200, 503, 503], what="the gateway to be not ready")
    check_problem(increment(gateway, resource), 503, "not_applied")
    stack.service.start()
    stack.wait_ready()
    assert increment(gateway, resource).json()["value"] == 1


def test_the_programs_ask_their_own_health(stack, gateway):
    assert ask_own_health("gateway", gateway.settings) == 0
    assert ask_own_health("counter-service", stack.service.settings) == 0


def test_asking_the_health_of_nobody_fails(stack):
    assert ask_own_health("gateway", {"SERVER_PORT": 1}) == 1
    assert ask_own_health("counter-service", {"COUNTER_SERVICE_ADMIN_PORT": 1}) == 1
