"""Consul: both programs register and are checked; the gateway follows the healthy instances; nobody depends on it."""

import contextlib
import json
import re
import socket
import time

import pytest

from harness.calls import increment
from harness.consul_agent import CRITICAL, PASSING, ConsulAgent
from harness.daemons import PATIENT_ATTEMPTS, Gateway, Service
from harness.exposition import calls_answered, scrape
from harness.law import check
from harness.load import Load
from harness.ports import free_port
from harness.proxy import Proxy
from harness.stubs import SERVICE
from harness.wait import wait_until


@pytest.fixture(scope="module")
def stack(start_cluster):
    return start_cluster(services=2, gateway=PATIENT_ATTEMPTS)


@pytest.fixture(scope="module")
def consul(stack):
    return stack.consul


@pytest.fixture
def third(stack):
    """One more service, to be started."""
    service = stack.add_service()
    yield service
    stack.remove_service(service)
    stack.wait_ready()


@pytest.fixture
def consul_proxy(stack):
    """The way to Consul, with what was sent. Ask for it before `extra`: then it outlives the daemons."""
    with contextlib.closing(Proxy(stack.consul.port, records=True)) as proxy:
        yield proxy


@pytest.fixture
def extra(stack, tmp_path):
    """Starts a service or a gateway of a test's own; address: what it works on."""
    made = []

    def make(kind, address, **settings):
        settings = {"CONSUL_ADDRESS": stack.consul.address, "CONSUL_HEALTH_INTERVAL": "1s"} | settings
        made.append(kind(tmp_path, address, name=f"extra-{len(made)}", **settings))
        made[-1].start()
        return made[-1]

    yield make
    for daemon in made:
        if daemon.is_running:
            daemon.stop()
        daemon.close()


def id_of(daemon, host="127.0.0.1"):
    return f"{'gateway' if isinstance(daemon, Gateway) else 'counter-service'}-{host}-{daemon.port}"


def recorded_registration(proxy):
    """(header, document) of the first registration that went through."""

    def find():
        for sent in proxy.recorded():
            found = re.search(rb"PUT /v1/agent/service/register.*?Content-Length: (\d+).*?\r\n\r\n", sent, re.S)
            end = found.end() + int(found.group(1)) if found else 0
            if found and len(sent) >= end:
                return found.group(0).decode(), json.loads(sent[found.end() : end])
        return None

    return wait_until(find, what="a registration")


def load_sees_only_200(stack, fault, seconds=0.5):
    """Load around fault(), exact, and nobody notices."""
    with Load(stack.load_port) as load:
        time.sleep(seconds)
        fault()
        time.sleep(seconds)
        ledger = load.stop()
    assert set(ledger.statuses) == {200}, ledger
    check(ledger, stack.values(ledger.counters()))


def test_both_register_with_what_others_need(stack, consul):
    services, checks = consul.services(), consul.checks()
    daemons = stack.services + stack.gateways
    assert sorted(services) == sorted(id_of(daemon) for daemon in daemons)
    for daemon in daemons:
        own = services[id_of(daemon)]
        assert (own["Address"], own["Port"]) == ("127.0.0.1", daemon.port)
        assert own["Service"] == ("gateway" if daemon in stack.gateways else "counter-service")
        assert own["Meta"]["version"]
        assert own["Meta"]["metrics_port"] == str(daemon.http_port)
        assert own["Meta"].get("partitions") == (None if daemon in stack.gateways else "1")
        check_of_it = checks[f"{id_of(daemon)}-health"]
        assert check_of_it["ServiceID"] == id_of(daemon)
        assert check_of_it["Type"] == ("http" if daemon in stack.gateways else "grpc")
        assert check_of_it["Status"] == PASSING
        assert scrape(daemon).sum("tally_consul_registered") == 1
    assert len(checks) == len(daemons), checks


def test_what_is_sent_to_register_a_service(stack, consul_proxy, extra):
    settings = {"CONSUL_ADDRESS": consul_proxy.address, "CONSUL_HEALTH_INTERVAL": "3s", "CONSUL_TOKEN": "a-token"}
    service = extra(Service, stack.redis.address, **settings)
    header, document = recorded_registration(consul_proxy)
    assert "replace-existing-checks=true" in header
    assert "X-Consul-Token: a-token\r\n" in header
    assert document["Check"]["GRPC"] == f"127.0.0.1:{service.port}/{SERVICE}"
    assert document["Check"]["Interval"] in ("3s", "3000ms")
    assert document["Check"]["DeregisterCriticalServiceAfter"] == "10m"
    wait_until(lambda: service.address in stack.consul.passing("counter-service"), what="a token nobody asks for")


def test_what_is_sent_to_register_a_gateway(stack, consul_proxy, extra):
    gateway = extra(Gateway, stack.services[0].address, CONSUL_ADDRESS=consul_proxy.address)
    header, document = recorded_registration(consul_proxy)
    assert "X-Consul-Token" not in header
    assert document["Check"]["HTTP"] == f"http://127.0.0.1:{gateway.port}/health/ready"
    assert document["Check"]["Interval"] in ("1s", "1000ms")
    assert document["Check"]["DeregisterCriticalServiceAfter"] == "10m"
    wait_until(lambda: f"127.0.0.1:{gateway.port}" in stack.consul.passing("gateway"))


def test_the_advertised_host_is_in_id_and_address(stack, consul, extra):
    for kind, address in ((Service, stack.redis.address), (Gateway, stack.services[0].address)):
        daemon = extra(kind, address, CONSUL_ADVERTISE_HOST="localhost")
        own = wait_until(lambda daemon=daemon: consul.services().get(id_of(daemon, "localhost")))
        assert (own["Address"], own["Port"]) == ("localhost", daemon.port)
        name = own["Service"]
        wait_until(lambda name=name, daemon=daemon: f"localhost:{daemon.port}" in consul.passing(name))


def test_a_wildcard_host_registers_the_local_address(stack, consul, extra):
    for kind, address, key in (
        (Service, stack.redis.address, "COUNTER_SERVICE_HOST"),
        (Gateway, stack.services[0].address, "SERVER_HOST"),
    ):
        daemon = extra(kind, address, **{key: "0.0.0.0"})
        own = wait_until(lambda daemon=daemon: consul.services().get(id_of(daemon)))
        assert own["Address"] == "127.0.0.1"
        name = own["Service"]
        wait_until(lambda name=name, daemon=daemon: f"127.0.0.1:{daemon.port}" in consul.passing(name))


def test_sigterm_deregisters_first_while_all_are_still_served(stack, consul, extra):
    for kind, address in ((Service, stack.redis.address), (Gateway, stack.services[0].address)):
        daemon = extra(kind, address, DRAIN_DELAY="30s")
        wait_until(lambda daemon=daemon: id_of(daemon) in consul.services())
        daemon.terminate()
        wait_until(lambda daemon=daemon: id_of(daemon) not in consul.services())
        wait_until(lambda daemon=daemon: scrape(daemon).sum("tally_consul_registered") == 0)
        if kind is Gateway:
            assert increment(daemon, "deregistered").status == 200
        assert daemon.is_running
        daemon.terminate()  # a second signal: the delay need not be waited for
        daemon.wait()


def test_two_services_share_channels_and_calls(stack):
    stack.wait_ready()
    before = [calls_answered(service) for service in stack.services]
    instances = stack.gateway.instances()
    assert sorted(instances) == sorted(service.address for service in stack.services)
    assert [one["channels"] for one in instances.values()] == [10, 10]
    wait_until(lambda: [one["ready_channels"] for one in stack.gateway.instances().values()] == [10, 10])
    load_sees_only_200(stack, lambda: None)
    shares = [calls_answered(service) - calls for service, calls in zip(stack.services, before, strict=True)]
    assert min(shares) > sum(shares) / 4, shares
    exposition = scrape(stack.gateway)
    assert exposition.sum("tally_discovery_instances") == 2
    assert abs(exposition.sum("tally_discovery_last_success_timestamp_seconds") - time.time()) < 60
    for service in stack.services:
        assert exposition.sum("tally_breaker_state", instance=service.address) == 0
        assert ("tally_breaker_state", {"instance": service.address}, 0.0) in exposition.samples


def test_a_third_joins_within_seconds_and_leaves_without_an_error(stack, third):
    def join():
        third.start()
        stack.wait_joined(third)
        wait_until(lambda: sorted(one["channels"] for one in stack.gateway.instances().values()) == [6, 7, 7])

    def leave():
        third.stop()
        wait_until(lambda: third.address not in stack.gateway.instances())
        stack.wait_ready()

    load_sees_only_200(stack, join)
    load_sees_only_200(stack, leave)
    exposition = scrape(stack.gateway)
    assert exposition.sum("tally_discovery_instances") == 2
    instances = {labels["instance"] for name, labels, _ in exposition.samples if name == "tally_breaker_state"}
    assert instances == {service.address for service in stack.services if service is not third}


def test_without_redis_all_are_critical_and_stay_registered(stack, consul):
    names = ("counter-service", "gateway")
    before = [sorted(consul.states(name)) for name in names]
    stack.redis.kill()
    for name in names:
        wait_until(lambda name=name: set(consul.states(name).values()) == {CRITICAL}, what=f"{name} to be critical")
    assert [sorted(consul.states(name)) for name in names] == before
    assert scrape(stack.gateway).sum("tally_discovery_instances") >= 1, "the last good set is kept"
    stack.redis.start()
    stack.wait_ready()


def test_consul_gone_is_noticed_by_nobody_but_the_health_document(stack, consul):
    """Then it comes back without its state: both register again and are followed again."""

    def lose():
        consul.kill()
        wait_until(lambda: stack.gateway.health()["components"]["consul"]["status"] != "ok")
        wait_until(lambda: scrape(stack.gateway).sum("tally_consul_registered") == 0)
        health = stack.gateway.get("/health")
        assert (health.status, health.json()["status"]) == (200, "degraded")
        assert stack.gateway.is_ready()
        assert stack.gateway.instances_up() == sorted(service.address for service in stack.services)

    def return_empty():
        consul.start()
        stack.wait_ready()

    load_sees_only_200(stack, lose)
    load_sees_only_200(stack, return_empty)
    wait_until(lambda: sorted(consul.services()) == sorted(map(id_of, stack.services + stack.gateways)))
    wait_until(lambda: stack.gateway.health()["status"] == "ok")
    for daemon in stack.services + stack.gateways:
        assert scrape(daemon).sum("tally_consul_registered") == 1


def test_an_agent_that_falls_silent_is_seen_within_seconds(stack, consul):
    assert stack.gateway.health()["status"] == "ok"
    consul.pause()
    try:
        component = wait_until(
            lambda: (found := stack.gateway.health()["components"]["consul"])["status"] != "ok" and found, 10
        )
        assert component["status"] == "unavailable" and "imed out" in component["detail"], component
        wait_until(lambda: scrape(stack.gateway).sum("tally_consul_registered") == 0, 10)
        assert stack.gateway.is_ready()
    finally:
        consul.resume()
    stack.wait_ready()
    wait_until(lambda: stack.gateway.health()["status"] == "ok")


def test_a_registration_that_somebody_removed_returns(stack, consul):
    gone = id_of(stack.services[0])
    consul.deregister(gone)
    wait_until(lambda: gone in consul.services())
    stack.wait_ready()


@pytest.fixture
def other_agent(tmp_path):
    """An agent of a test's own, to be started."""
    made = []

    def make(**settings):
        made.append(ConsulAgent(tmp_path, name="other-consul", **settings))
        return made[-1]

    yield make
    for agent in made:
        agent.close()


def test_a_token_is_used_where_nothing_is_allowed_without_it(stack, other_agent, extra):
    guarded = other_agent(master_token="let-me-in")
    guarded.start()
    settings = {"CONSUL_ADDRESS": guarded.address, "CONSUL_TOKEN": "let-me-in"}
    service = extra(Service, stack.redis.address, **settings)
    gateway = extra(Gateway, f"localhost:{service.port}", **settings)
    wait_until(lambda: guarded.passing("counter-service") == [service.address])
    wait_until(lambda: guarded.passing("gateway") == [f"127.0.0.1:{gateway.port}"])
    wait_until(lambda: list(gateway.instances()) == [service.address])


def test_a_bad_token_costs_nothing_but_discovery(stack, other_agent, extra, resource):
    guarded = other_agent(master_token="let-me-in")
    guarded.start()
    settings = {"CONSUL_ADDRESS": guarded.address, "CONSUL_TOKEN": "not-this-one"}
    service = extra(Service, stack.redis.address, **settings)
    gateway = extra(Gateway, service.address, **settings)
    for daemon in (service, gateway):
        daemon.wait_for_log("not registered")
        assert "not-this-one" not in daemon.log()
        assert scrape(daemon).sum("tally_consul_registered") == 0
    assert increment(gateway, resource).json()["value"] == 1
    assert guarded.services() == {}
    wait_until(lambda: "detail" in gateway.health()["components"]["consul"], what="the first question to be answered")
    health = gateway.health()
    assert (health["status"], health["components"]["consul"]["status"]) == ("degraded", "unavailable")
    assert "status 403: " in health["components"]["consul"]["detail"]
    assert "ACL not found" in health["components"]["consul"]["detail"]


def test_without_a_token_discovery_says_that_it_sees_nobody(stack, other_agent, extra):
    """The agent leaves out what the token may not read, and says so to nobody."""
    guarded = other_agent(master_token="let-me-in")
    guarded.start()
    service = extra(Service, stack.redis.address, CONSUL_ADDRESS=guarded.address, CONSUL_TOKEN="let-me-in")
    wait_until(lambda: guarded.passing("counter-service") == [service.address])
    gateway = extra(Gateway, service.address, CONSUL_ADDRESS=guarded.address)
    gateway.wait_for_log("Permission denied")
    consul = wait_until(
        lambda: (found := gateway.health()["components"]["consul"])["last_success"] is not None and found
    )
    assert (consul["status"], consul["instances"]) == ("degraded", 0)
    assert "consul.token may not read them" in consul["detail"]


# What README says a token needs.
RULES = """
service "counter-service" { policy = "write" }
service "gateway" { policy = "write" }
node_prefix "" { policy = "read" }
"""


def test_the_rules_that_a_token_needs(stack, other_agent, extra):
    guarded = other_agent(master_token="let-me-in")
    guarded.start()
    token = wait_until(lambda: guarded.make_token(RULES))
    settings = {"CONSUL_ADDRESS": guarded.address, "CONSUL_TOKEN": token}
    service = extra(Service, stack.redis.address, **settings)
    gateway = extra(Gateway, f"localhost:{service.port}", **settings)
    wait_until(lambda: guarded.passing("counter-service") == [service.address])
    wait_until(lambda: guarded.passing("gateway") == [f"127.0.0.1:{gateway.port}"])
    wait_until(lambda: list(gateway.instances()) == [service.address])
    wait_until(lambda: gateway.health()["status"] == "ok")
    for daemon in (gateway, service):
        daemon.stop()
    assert guarded.services() == {}
    for daemon in (gateway, service):
        assert '"level":"error"' not in daemon.log() and "Permission denied" not in daemon.log()


def test_the_static_host_serves_while_consul_knows_nobody(stack, other_agent, extra, resource):
    empty = other_agent()
    empty.start()
    gateway = extra(Gateway, stack.services[0].address, CONSUL_ADDRESS=empty.address)
    wait_until(lambda: empty.passing("gateway"))
    wait_until(lambda: "names no" in str(gateway.health()["components"]["consul"]), what="a good answer of Consul")
    assert scrape(gateway).sum("tally_discovery_instances") == 0
    health = gateway.health()
    assert (health["status"], health["components"]["consul"]["status"]) == ("degraded", "degraded")
    assert "it names no healthy counter-service" in health["components"]["consul"]["detail"]
    assert increment(gateway, resource).json()["value"] == 1


def test_without_consul_at_the_start_the_static_host_serves_until_it_comes(stack, other_agent, extra):
    """By a name for the same service that Consul does not use."""
    late = other_agent()
    service = extra(Service, stack.redis.address, CONSUL_ADDRESS=late.address)
    gateway = extra(Gateway, f"localhost:{service.port}", CONSUL_ADDRESS=late.address)
    assert gateway.get("/health").status == 200
    assert gateway.health()["status"] == "degraded"
    assert scrape(gateway).sum("tally_discovery_last_success_timestamp_seconds") == 0
    with Load(gateway.port) as load:
        late.start()
        wait_until(lambda: late.passing("counter-service") == [service.address])
        wait_until(lambda: late.passing("gateway") == [f"127.0.0.1:{gateway.port}"])
        wait_until(lambda: list(gateway.instances()) == [service.address])
        time.sleep(0.5)
        ledger = load.stop()
    assert set(ledger.statuses) == {200}, ledger
    check(ledger, stack.values(ledger.counters()))
    assert gateway.health()["status"] == "ok"
    assert scrape(gateway).sum("tally_discovery_instances") == 1


def test_an_agent_that_never_answers_holds_up_neither_the_start_nor_the_end(stack, extra, resource):
    """It takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        settings = {"CONSUL_ADDRESS": f"127.0.0.1:{silent.getsockname()[1]}"}
        service = extra(Service, stack.redis.address, **settings)
        gateway = extra(Gateway, service.address, **settings)
        assert increment(gateway, resource).json()["value"] == 1
        gateway.stop(timeout=10)
        service.stop(timeout=10)
