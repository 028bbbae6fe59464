"""Two counter-services behind gateways, one of which a test breaks, or the ways to and from it."""

import time
import uuid

from harness.calls import counter_path
from harness.consul_agent import ConsulAgent
from harness.daemons import Gateway, Service
from harness.exposition import scrape
from harness.ports import free_port
from harness.proxy import Proxy
from harness.stack import Stack
from harness.stepped_redis import SteppedRedis
from harness.wait import wait_until


def _are_breakers_closed(gateway):
    """One that is half open lets a call at a time through, and is closed by those that go well. Where no load goes on
    there are none but these."""
    if scrape(gateway).sum("tally_breaker_state") == 0:
        return True
    gateway.get(counter_path(uuid.uuid4().hex))
    return False


class Pair(Stack):
    """The gateways reach the victim by the proxy `hop`, and the victim reaches Redis by the proxy `redis_hop`. The
    survivor is reached, and reaches Redis, without. Their connections outlive a hold, and what was held is not shed."""

    def __init__(self, directory, gateways=1, redis=None, service=None, gateway=None):
        self.directory = directory
        self.consul = ConsulAgent(directory)
        self.redis = SteppedRedis(directory, **(redis or {}))
        self.redis_hop = Proxy(self.redis.port)
        lasting = {"GRPC_COUNTER_SERVICE_KEEP_ALIVE": "1h"}
        service = lasting | {"COUNTER_SERVICE_QUEUE": 100_000, "REDIS_WORKERS": 8} | (service or {})
        self.victim = Service(directory, self.redis_hop.address, name="victim", **service)
        self.survivor = Service(directory, self.redis.address, name="survivor", **service)
        self.hop = Proxy(self.victim.port)
        settings = lasting | {"CONSUL_ADDRESS": self.consul.address} | (gateway or {})
        nowhere = f"127.0.0.1:{free_port()}"
        self.gateways = [
            Gateway(directory, nowhere, name=f"gateway-{number + 1}", **settings) for number in range(gateways)
        ]
        self._turn = 0

    @property
    def gateway(self):
        return self.gateways[0]

    @property
    def load_port(self):
        return self._next_port

    def _next_port(self):
        """Of each gateway in turn."""
        self._turn += 1
        return self.gateways[self._turn % len(self.gateways)].port

    def start(self):
        for process in (self.consul, self.redis, self.victim, self.survivor):
            process.start()
        for address in self._addresses():
            self.consul.register("counter-service", address)
        for gateway in self.gateways:
            gateway.start()
        self.wait_ready()

    def _addresses(self):
        return sorted((self.hop.address, self.survivor.address))

    def wait_ready(self, timeout=30):
        """Until every gateway calls both services, as often as it likes."""
        for process in (self.victim, self.survivor, *self.gateways):
            process.wait_ready(timeout)
        for gateway in self.gateways:
            wait_until(
                lambda gateway=gateway: gateway.instances_up() == self._addresses(), timeout, "both to be called"
            )
            wait_until(lambda gateway=gateway: _are_breakers_closed(gateway), timeout, "breakers to close")

    def wait_quiet(self, seconds=2):
        """Until everything that was under way has come to Redis: it has run no script for so long."""
        last = [self._scripts_run(), time.monotonic()]

        def is_quiet():
            run = self._scripts_run()
            if run != last[0]:
                last[:] = run, time.monotonic()
            return time.monotonic() - last[1] > seconds

        wait_until(is_quiet, 60, "the writes to end", interval=0.1)

    def _scripts_run(self):
        with self.redis.client() as redis:
            return redis.info("commandstats").get("cmdstat_evalsha", {}).get("calls")

    def retries(self):
        """How often a gateway has sent a batch again."""
        return sum(scrape(gateway).sum("tally_rpc_client_retries_total") for gateway in self.gateways)

    def groups(self):
        return [self.gateways, [self.victim, self.survivor], [self.redis]]

    def close(self):
        try:
            super().close()
        finally:
            for proxy in (self.hop, self.redis_hop):
                proxy.close()
            self.consul.close()
