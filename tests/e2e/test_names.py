"""Without Consul the gateway follows the addresses of a name."""

import contextlib
import time

import pytest

from harness.calls import increment, read
from harness.consul_agent import ConsulAgent
from harness.daemons import Gateway, Service
from harness.exposition import calls_answered, scrape
from harness.law import check
from harness.load import Load
from harness.names import NAME, Names
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.wait import wait_until

INTERVAL = 1
NEVER = "1h"


class Town:
    """Redis, and services on addresses of their own and one port."""

    def __init__(self, directory):
        self.directory = directory
        self.redis = RedisServer(directory)
        self.port = free_port()
        self.services = {}

    def service(self, host):
        """The one there, running."""
        if host not in self.services:
            name = f"service-{len(self.services)}"
            self.services[host] = Service(self.directory, self.redis.address, name=name, host=host, port=self.port)
        if not self.services[host].is_running:
            self.services[host].start()
        return self.services[host]

    def address(self, host):
        return f"{host}:{self.port}"

    def close(self):
        for service in self.services.values():
            if service.is_running:
                service.stop()
            service.close()
        self.redis.stop()
        self.redis.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with contextlib.closing(Town(tmp_path_factory.mktemp("town"))) as town:
        town.redis.start()
        yield town


@pytest.fixture
def names(tmp_path):
    return Names(tmp_path)


@pytest.fixture
def new_gateway(town, names, tmp_path):
    """Gateways that know the services by NAME."""
    made = []

    def make(wait=True, **settings):
        settings = {"GRPC_COUNTER_SERVICE_RESOLVE_EVERY": f"{INTERVAL}s"} | settings
        gateway = Gateway(tmp_path, f"{NAME}:{town.port}", name=f"gateway-{len(made)}", **settings)
        gateway.env |= names.environment
        made.append(gateway)
        gateway.start(wait)
        return gateway

    yield make
    for gateway in made:
        gateway.stop()
        gateway.close()


def component(gateway):
    """What /health says of the name."""
    return gateway.health()["components"]["name"]


def wait_up(gateway, *addresses):
    wait_until(lambda: gateway.instances_up() == sorted(addresses), what=f"the gateway to call {addresses}")


def count_calls(services, seconds, gateway, change=lambda: None):
    """Load around change(), of which nobody notices anything; calls that each service answered."""
    before = [calls_answered(service) for service in services]
    with Load(gateway.port, connections=20, pause=0.005) as load:
        time.sleep(seconds)
        change()
        time.sleep(seconds)
        ledger = load.stop()
    assert set(ledger.statuses) == {200}, ledger
    return ledger, [calls_answered(service) - calls for service, calls in zip(services, before, strict=True)]


def test_the_addresses_of_a_name_share_the_calls(town, names, new_gateway):
    services = [town.service(host) for host in ("127.0.0.2", "127.0.0.3")]
    names.set("127.0.0.3", "127.0.0.2", "127.0.0.3")
    gateway = new_gateway()
    wait_up(gateway, *(service.address for service in services))
    assert [one["channels"] for one in gateway.instances().values()] == [10, 10]
    _, calls = count_calls(services, 1, gateway)
    assert min(calls) > 0.3 * sum(calls), calls
    health = gateway.health()
    assert health["status"] == "ok" and health["components"]["name"]["status"] == "ok"
    assert health["components"]["name"]["name"] == f"{NAME}:{town.port}"
    exposition = scrape(gateway)
    assert exposition.sum("tally_discovery_instances") == component(gateway)["instances"] == 2
    assert abs(exposition.sum("tally_discovery_last_success_timestamp_seconds") - time.time()) < 10
    assert exposition.sum("tally_discovery_failures_total") == 0


def test_addresses_come_and_go_and_nobody_notices(town, names, new_gateway):
    services = [town.service(host) for host in ("127.0.0.2", "127.0.0.3", "127.0.0.4")]
    addresses = [service.address for service in services]
    names.set("127.0.0.2", "127.0.0.3")
    gateway = new_gateway()
    wait_up(gateway, *addresses[:2])

    def change():
        names.set("127.0.0.3", "127.0.0.4")
        changed = time.monotonic()
        wait_until(lambda: calls_answered(services[2]) > 0, interval=0.05)
        assert time.monotonic() - changed < INTERVAL + 2
        wait_up(gateway, *addresses[1:])

    ledger, _ = count_calls(services, 0.5, gateway, change)
    _, calls = count_calls(services, 0.5, gateway)
    assert calls[0] == 0 and min(calls[1:]) > 0.3 * sum(calls), calls
    check(ledger, {counter: read(gateway, *counter) for counter in ledger.counters()})


def test_a_name_that_has_no_address_any_more_keeps_the_last_ones(town, names, new_gateway):
    services = [town.service(host) for host in ("127.0.0.2", "127.0.0.3")]
    names.set("127.0.0.2", "127.0.0.3")
    gateway = new_gateway()
    wait_up(gateway, *(service.address for service in services))
    names.set()
    wait_until(lambda: component(gateway)["status"] == "unavailable")
    assert gateway.health()["status"] == "degraded"
    assert f"cannot resolve {NAME}: " in component(gateway)["detail"]
    _, calls = count_calls(services, INTERVAL, gateway)
    assert min(calls) > 0.3 * sum(calls), calls
    assert scrape(gateway).sum("tally_discovery_instances") == 2
    assert scrape(gateway).sum("tally_discovery_failures_total") >= 1
    names.set("127.0.0.2", "127.0.0.3")
    wait_until(lambda: gateway.health()["status"] == "ok")
    assert "detail" not in component(gateway)
    assert gateway.log().count("cannot follow the instances") == 1
    assert gateway.log().count("follows the instances again") == 1


def test_a_gateway_starts_before_its_name_is_known(town, names, new_gateway):
    service = town.service("127.0.0.2")
    gateway = new_gateway(wait=False, GRPC_COUNTER_SERVICE_RESOLVE_EVERY=NEVER)
    assert (gateway.get("/health").status, gateway.get("/health/ready").status) == (503, 503)
    wait_until(lambda: f"cannot resolve {NAME}: " in component(gateway).get("detail", ""))
    assert gateway.instances() == {} and component(gateway)["last_success"] is None
    assert increment(gateway, "too-early").status == 503
    names.set("127.0.0.2")
    started = time.monotonic()
    gateway.wait_ready()
    assert time.monotonic() - started < 3, "the interval is not waited for"
    wait_up(gateway, service.address)
    assert increment(gateway, "in-time").status == 200


def test_a_name_is_looked_up_at_once_when_nobody_serves(town, names, new_gateway):
    town.service("127.0.0.2")
    names.set("127.0.0.2")
    gateway = new_gateway(GRPC_COUNTER_SERVICE_RESOLVE_EVERY=NEVER)
    other = town.service("127.0.0.3")
    names.set("127.0.0.3")
    time.sleep(2)
    assert list(gateway.instances()) == [town.address("127.0.0.2")], "it serves, and the interval is long"
    town.services["127.0.0.2"].stop()
    stopped = time.monotonic()
    wait_up(gateway, other.address)
    assert time.monotonic() - stopped < 4
    assert increment(gateway, "moved").status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_name_with_an_address_of_each_family_is_one_instance(town, names, new_gateway, host):
    """As localhost often is, where a service listens on one of them."""
    service = Service(town.directory, town.redis.address, name=f"alone-{len(host)}", host=host, port=town.port)
    service.start()
    try:
        names.set("127.0.0.1", "::1")
        started = time.monotonic()
        gateway = new_gateway()
        assert time.monotonic() - started < 3
        wait_until(lambda: gateway.instances()[f"{NAME}:{town.port}"]["ready_channels"] == 20)
        assert gateway.instances_up() == [f"{NAME}:{town.port}"]
        count_calls([service], 0.3, gateway)
        assert gateway.health()["status"] == "ok"
        assert scrape(gateway).sum("tally_discovery_instances") == 1
    finally:
        service.stop()
        service.close()


def test_of_two_families_the_larger_one_counts(town, names, new_gateway):
    services = [town.service(host) for host in ("127.0.0.2", "127.0.0.3")]
    names.set("127.0.0.2", "::1", "127.0.0.3")
    gateway = new_gateway()
    wait_up(gateway, *(service.address for service in services))
    assert gateway.health()["status"] == "ok"


def test_an_address_is_not_looked_up(town, new_gateway, tmp_path):
    service = town.service("127.0.0.2")
    gateway = new_gateway(GRPC_COUNTER_SERVICE_HOST=service.address)
    wait_up(gateway, service.address)
    assert "name" not in gateway.health()["components"]
    assert not [name for name, _, _ in scrape(gateway).samples if name.startswith("tally_discovery")]


def test_the_name_is_followed_until_consul_names_somebody(town, names, new_gateway, tmp_path):
    services = [town.service(host) for host in ("127.0.0.2", "127.0.0.3", "127.0.0.4")]
    consul = ConsulAgent(tmp_path)
    consul.start()
    try:
        names.set("127.0.0.2")
        gateway = new_gateway(CONSUL_ADDRESS=consul.address)
        wait_up(gateway, services[0].address)
        names.set("127.0.0.2", "127.0.0.3")
        wait_up(gateway, services[0].address, services[1].address)
        assert scrape(gateway).sum("tally_discovery_instances") == 2

        def change():
            consul.register("counter-service", services[2].address)
            wait_up(gateway, services[2].address)

        count_calls(services, 0.5, gateway, change)
        wait_until(lambda: gateway.health()["status"] == "ok")
        assert "name" not in gateway.health()["components"]
        names.set("127.0.0.2")
        time.sleep(2 * INTERVAL)
        assert list(gateway.instances()) == [services[2].address]
        assert scrape(gateway).sum("tally_discovery_instances") == 1
    finally:
        consul.stop()
        consul.close()
