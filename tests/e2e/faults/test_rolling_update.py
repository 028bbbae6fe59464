"""A rolling update on Kubernetes, acted out with processes: the settings are those of deploy/k8s, pods have addresses
of their own, and who serves is told to others as Kubernetes does it. No request fails."""

import contextlib
import pathlib
import random
import threading
import time

import pytest
import yaml

from harness.daemons import Gateway, Service
from harness.faults import FAULT_SECONDS
from harness.law import check_exact
from harness.load import Load
from harness.names import NAME, Names
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.stack import Stack
from harness.wait import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

MANIFESTS = pathlib.Path(__file__).parents[3] / "deploy/k8s/base"
# That a pod comes or goes the others learn so late: the cluster's DNS remembers a name, kube-proxy is told.
NAME_SECONDS = 30
RULES_SECONDS = 2
REPLICAS = 2


def deployment(name):
    documents = yaml.safe_load_all((MANIFESTS / f"{name}.yaml").read_text())
    return next(one for one in documents if one["kind"] == "Deployment")


def container(name):
    return deployment(name)["spec"]["template"]["spec"]["containers"][0]


def settings_of(name):
    """The variables of the manifest, but those that say where others are."""
    values = {one["name"].removeprefix("TALLY_"): one["value"] for one in container(name)["env"] if "value" in one}
    return {key: value for key, value in values.items() if not key.endswith(("_HOST", "_ADDR", "_ADDRESS"))}


class Pods:
    """The pods of the Deployment of that name. tell: tells the others which are ready; they hear of it so late."""

    def __init__(self, name, make, tell, late):
        self._min_ready_seconds = deployment(name)["spec"]["minReadySeconds"]
        self._make = make
        self._tell = tell
        self._late = late
        self._timers = []
        self._made = 0
        self._terminating = []
        self.running = []

    def _tell_later(self):
        self._timers.append(threading.Timer(self._late, self._tell, [list(self.running)]))
        self._timers[-1].start()

    def _start_one(self):
        """Until its readinessProbe has passed."""
        pod = self._make(self._made)
        self._made += 1
        pod.start()
        self.running.append(pod)

    def start(self):
        for _ in range(REPLICAS):
            self._start_one()
        self._tell(self.running)

    def roll(self):
        """maxSurge 1, maxUnavailable 0: an old pod is ended when a new one is available."""
        for _ in range(len(self.running)):
            self._start_one()
            self._tell_later()
            time.sleep(self._min_ready_seconds)
            self._terminating.append(self.running.pop(0))
            self._terminating[-1].terminate()
            self._tell_later()
        for pod in self._terminating:
            pod.wait_stopped()

    def close(self):
        for timer in self._timers:
            timer.cancel()
        for pod in self.running:
            pod.stop()
        for pod in self.running + self._terminating:
            pod.close()


class Town:
    """Redis, services behind a headless Service, gateways behind a Service."""

    def __init__(self, ends, directory):
        self._directory = directory
        self._names = Names(directory)
        self._service_port = free_port()
        self._gateway_ports = []
        self._redis = RedisServer(directory)
        ends.callback(self._redis.close)
        ends.callback(self._redis.stop)
        self._redis.start()
        self.services = Pods("counter-service", self._service, self._tell_name, NAME_SECONDS)
        self.gateways = Pods("gateway", self._gateway, self._tell_rules, RULES_SECONDS)
        for pods in (self.services, self.gateways):
            ends.callback(pods.close)
            pods.start()

    def _service(self, number):
        own = settings_of("counter-service")
        host = f"127.0.1.{number + 1}"
        return Service(self._directory, self._redis.address, f"service-{number}", host, self._service_port, **own)

    def _gateway(self, number):
        own = settings_of("gateway")
        gateway = Gateway(self._directory, f"{NAME}:{self._service_port}", name=f"gateway-{number}", **own)
        gateway.env |= self._names.environment
        return gateway

    def _tell_name(self, services):
        self._names.set(*(service.host for service in services))

    def _tell_rules(self, gateways):
        self._gateway_ports = [gateway.port for gateway in gateways]

    def port(self):
        """Where a new connection goes."""
        return random.choice(self._gateway_ports)

    @property
    def gateway(self):
        return self.gateways.running[0]

    values = Stack.values  # as this gateway tells them


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with contextlib.ExitStack() as ends:
        yield Town(ends, tmp_path_factory.mktemp("town"))


@pytest.mark.parametrize("name", ["services", "gateways"])
def test_no_request_fails_while_every_pod_is_replaced(town, name):
    pods = getattr(town, name)
    before = list(pods.running)
    with Load(town.port, connections=20, pause=0.005) as load:
        time.sleep(FAULT_SECONDS)
        pods.roll()
        time.sleep(FAULT_SECONDS)
        ledger = load.stop()
    assert set(ledger.statuses) == {200}, ledger
    assert not set(before) & set(pods.running)
    check_exact(ledger, town.values(ledger.counters()))


def test_the_new_services_are_called(town):
    addresses = sorted(service.address for service in town.services.running)
    for gateway in town.gateways.running:
        wait_until(
            lambda gateway=gateway: gateway.instances_up() == addresses, 2 * NAME_SECONDS, f"{addresses} to be called"
        )
