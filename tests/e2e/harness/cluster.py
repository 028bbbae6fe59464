"""Consul, Redis, counter-services and gateways that find each other."""

import time

from harness.balancer import Balancer
from harness.consul_agent import ConsulAgent
from harness.daemons import Gateway, Service
from harness.exposition import calls_answered
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.stack import Stack
from harness.wait import wait_until


# How soon an instance is called that Consul has begun to pass.
JOIN_SECONDS = 5


class Cluster(Stack):
    """Started ready. The gateways have nothing but Consul to find a service by: their static host leads nowhere."""

    def __init__(
        self, directory, services=2, gateways=1, redis=None, service=None, gateway=None, redis_kind=RedisServer
    ):
        self.directory = directory
        self.consul = ConsulAgent(directory)
        self.redis = redis_kind(directory, **(redis or {}))
        common = {"CONSUL_ADDRESS": self.consul.address, "CONSUL_HEALTH_INTERVAL": "1s", "DRAIN_DELAY": "2s"}
        self._service_settings = common | (service or {})
        self._gateway_settings = common | (gateway or {})
        self._nowhere = f"127.0.0.1:{free_port()}"
        self._balancer = None
        self.services = []
        self.gateways = []
        for _ in range(services):
            self.add_service()
        for _ in range(gateways):
            self.add_gateway()

    def add_service(self, **settings):
        """Another one, to be started."""
        name = f"counter-service-{len(self.services) + 1}"
        settings = self.redis.service_settings | self._service_settings | settings
        self.services.append(Service(self.directory, self.redis.address, name=name, **settings))
        return self.services[-1]

    def add_gateway(self, **settings):
        """Another one, to be started."""
        name = f"gateway-{len(self.gateways) + 1}"
        settings = self._gateway_settings | settings
        self.gateways.append(Gateway(self.directory, self._nowhere, name=name, **settings))
        return self.gateways[-1]

    def remove_service(self, service):
        """Of those that were added: ends it for good."""
        self.services.remove(service)
        if service.is_running:
            service.stop()
        service.close()

    def start(self):
        for process in (self.consul, self.redis, *self.services, *self.gateways):
            process.start()
        self._balancer = Balancer(self.consul)
        self.wait_ready()

    @property
    def gateway(self):
        """One that runs."""
        return next(gateway for gateway in self.gateways if gateway.is_running)

    @property
    def load_port(self):
        return self._balancer.port

    def wait_ready(self, timeout=20):
        """Until those that run are healthy, and everyone knows them and nobody else."""
        services = sorted(service.address for service in self.services if service.is_running)
        gateways = [gateway for gateway in self.gateways if gateway.is_running]
        ports = sorted(gateway.port for gateway in gateways)
        self._wait_passing("counter-service", services, timeout)
        self._wait_passing("gateway", sorted(f"127.0.0.1:{port}" for port in ports), timeout)
        for gateway in gateways:
            gateway.wait_ready(timeout)
            wait_until(
                lambda gateway=gateway: gateway.instances_up() == services, timeout, f"{gateway.name} to see {services}"
            )
        wait_until(lambda: self._balancer.ports() == ports, timeout, "the load balancer to know the gateways")

    def wait_joined(self, service):
        """Under load: until a service that was started is called, which must be soon after Consul passes it. What the
        test itself is late by does not count: only until `uncalled` it surely was not called."""
        wait_until(lambda: service.address in self.consul.passing("counter-service"), interval=0.01)
        passed = time.monotonic()
        uncalled = passed
        while True:
            asked = time.monotonic()
            if calls_answered(service) > 0:
                return
            uncalled = asked
            assert uncalled - passed < JOIN_SECONDS, f"{service.name} passes and is not called"
            time.sleep(0.01)

    def _wait_passing(self, name, addresses, timeout):
        wait_until(lambda: self.consul.passing(name) == addresses, timeout, f"Consul to pass {name} at {addresses}")

    def groups(self):
        return [self.gateways, self.services, [self.redis]]

    def close(self):
        if self._balancer is not None:
            self._balancer.close()
        try:
            super().close()
        finally:
            self.consul.close()
