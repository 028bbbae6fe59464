"""The two programs under test."""

import os

from harness import http_client
from harness.paths import CONFIG, program
from harness.ports import free_port
from harness.process import Process
from harness.stubs import connect

# A shared machine may stand still for a second: where time-outs are not what a test is about, they are longer.
_PATIENT = {"REDIS_TIMEOUT": "3s", "SERVER_REQUEST_TIMEOUT": "4s"}
# The same for a gateway's attempts, where a service that is silent is not what a test is about: one that is given up is
# sent again, which leaves its outcome unknown and tells the breaker.
PATIENT_ATTEMPTS = {"GRPC_COUNTER_SERVICE_ATTEMPT_TIMEOUT": "3500ms"}
SHIPPED_TIMEOUTS = {"REDIS_TIMEOUT": "1s", "SERVER_REQUEST_TIMEOUT": "2s"}

# What a gateway that does not wait long for its clients waits.
IMPATIENT_SECONDS = 5


def environment(settings):
    """This process's environment with the settings (upper-case names without TALLY_), and no other TALLY_ variable."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("TALLY_")}
    env.update({f"TALLY_{key}": str(value) for key, value in settings.items()})
    return env


class Daemon(Process):
    """Runs with the shipped configuration file; settings, and a few of ours, override it by the environment."""

    host = "127.0.0.1"  # it listens on

    def __init__(self, program_name, name, directory, settings):
        self.settings = {"CONSUL_ADDRESS": "", "KAFKA_BROKERS": "", "DRAIN_DELAY": "100ms", **_PATIENT, **settings}
        super().__init__(name, [program(program_name), "--config", CONFIG], environment(self.settings), directory)

    @property
    def http_port(self):
        raise NotImplementedError

    def start(self, wait=True):
        super().start()
        if wait:
            self.wait_until_ready(self.is_ready)
        else:
            self.wait_until_ready(lambda: self.request("GET", "/health"))

    def request(self, method, target, body=http_client.NO_BODY, headers=(), timeout=10):
        return http_client.request(self.http_port, method, target, body, headers, timeout, self.host)

    def get(self, target, headers=()):
        return self.request("GET", target, headers=headers)

    def post(self, target, body, headers=()):
        return self.request("POST", target, body, headers)

    def is_ready(self):
        raise NotImplementedError

    def wait_ready(self, timeout=20):
        self.wait_until_ready(self.is_ready, timeout)

    def wait_draining(self):
        """After SIGTERM: until every answer says that the connection will be closed."""
        self.wait_for_log('"msg":"draining"')


class Service(Daemon):
    """A counter-service. port: shared with services on other hosts."""

    def __init__(self, directory, redis_address, name="counter-service", host="127.0.0.1", port=None, **settings):
        self.host = host
        self.port = port or free_port()
        self.admin_port = free_port()
        own = {
            "COUNTER_SERVICE_HOST": host,
            "COUNTER_SERVICE_PORT": self.port,
            "COUNTER_SERVICE_ADMIN_PORT": self.admin_port,
            "REDIS_ADDR": redis_address,
        }
        super().__init__("counter-service", name, directory, {**own, **settings})

    @property
    def http_port(self):
        return self.admin_port

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def is_ready(self):
        return self.get("/health").status == 200

    def channel(self, *options):
        return connect(self.port, *options)


class Gateway(Daemon):
    """A gateway."""

    def __init__(self, directory, service_address, name="gateway", **settings):
        self.port = free_port()
        own = {
            "SERVER_HOST": "127.0.0.1",
            "SERVER_PORT": self.port,
            "GRPC_COUNTER_SERVICE_HOST": service_address,
        }
        super().__init__("gateway", name, directory, {**own, **settings})

    @property
    def http_port(self):
        return self.port

    def is_ready(self):
        return self.get("/health/ready").status == 200

    def connection(self, timeout=10):
        return http_client.HttpConnection(self.port, timeout)

    def health(self):
        """The document of /health, whatever it says."""
        return self.get("/health").json()

    def instances(self):
        """Of counter-service, as the gateway sees them: what /health says of each, by its address."""
        instances = self.health()["components"]["counter_service"]["instances"]
        return {instance["target"]: instance for instance in instances}

    def instances_up(self):
        """Addresses of those that it sends calls to, sorted; None while there is one that it does not."""
        instances = self.instances()
        return sorted(instances) if all(one["status"] == "ok" for one in instances.values()) else None
