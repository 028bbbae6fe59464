"""Redis, counter-service and gateway together."""

from harness.daemons import Gateway, Service
from harness.redis_server import RedisServer


class Stack:
    """Started ready. redis_address lets the service reach Redis by another way (a proxy). redis_kind: also RedisCluster
    or RedisSentinel."""

    def __init__(
        self, directory, redis=None, service=None, gateway=None, redis_address=None, redis_kind=RedisServer
    ):
        self.directory = directory
        self._extra = []
        self.redis = redis_kind(directory, **(redis or {}))
        settings = self.redis.service_settings | (service or {})
        self.service = Service(directory, redis_address or self.redis.address, **settings)
        self.gateway = Gateway(directory, self.service.address, **(gateway or {}))

    def start(self):
        self.redis.start()
        self.service.start()
        self.gateway.start()

    def extra_gateway(self, **settings):
        """A second gateway on the same service, with other settings; closed with the stack."""
        gateway = Gateway(self.directory, self.service.address, name=f"gateway-{len(self._extra) + 2}", **settings)
        self._extra.append(gateway)
        gateway.start()
        return gateway

    def wait_ready(self, timeout=20):
        self.service.wait_ready(timeout)
        self.gateway.wait_ready(timeout)

    @property
    def load_port(self):
        """What Load takes: where to connect to."""
        return self.gateway.port

    def groups(self):
        """The processes, in the order to stop them; those of a group together."""
        return [[*self._extra, self.gateway], [self.service], [self.redis]]

    def close(self):
        """Stops all of it in order; then complains of exit codes and sanitizer reports."""
        complaints = []
        for group in self.groups():
            running = [process for process in group if process.is_running]
            steps = [process.terminate for process in running] + [process.wait_stopped for process in running]
            for step in steps + [process.close for process in group]:
                try:
                    step()
                except Exception as error:  # each process must be ended whatever another one did
                    complaints.append(str(error))
        assert not complaints, "\n".join(complaints)

    def value(self, resource_id, counter_type):
        """A counter's value, as the gateway tells it."""
        response = self.gateway.get(f"/api/v1/counter/{resource_id}/{counter_type}")
        assert response.status == 200, response
        return response.json()["value"]

    def values(self, counters):
        """Values of many counters, a list of (resource_id, counter_type)."""
        found = {}
        counters = list(counters)
        for start in range(0, len(counters), 1000):
            part = counters[start : start + 1000]
            queries = [{"resource_id": resource, "counter_type": kind} for resource, kind in part]
            response = self.gateway.post("/api/v1/counter/batch", {"queries": queries})
            assert response.status == 200, response
            for counter, result in zip(part, response.json()["results"], strict=True):
                assert "error" not in result, result
                found[counter] = result["value"]
        return found
