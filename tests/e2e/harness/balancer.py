"""Spreads connections over the gateways, as a user's load balancer does."""

import http.client
import random
import threading


class Balancer:
    """Goes by the gateways that pass in Consul, and by the last ones while Consul is gone or names nobody."""

    def __init__(self, consul, interval=0.1):
        self._consul = consul
        self._interval = interval
        self._ports = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping.wait(self._interval):
            try:
                found = self._consul.passing("gateway")
            except (OSError, ValueError, http.client.HTTPException):
                continue  # no answer, or half of one
            self._ports = [int(address.rpartition(":")[2]) for address in found] or self._ports

    def ports(self):
        return sorted(self._ports)

    def port(self):
        """The port to connect to now."""
        ports = self._ports
        if not ports:
            raise ConnectionRefusedError("no gateway is known")
        return random.choice(ports)

    def close(self):
        self._stopping.set()
        self._thread.join()
