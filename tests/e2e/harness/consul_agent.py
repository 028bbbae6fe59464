"""A real Consul agent that is its own server, with all of its state in memory."""

import json
import os
import urllib.request

import pytest

from harness.paths import ROOT
from harness.ports import free_port
from harness.process import Process

_PROGRAM = ROOT / "build" / "consul" / "usr" / "bin" / "consul"
PASSING, CRITICAL = "passing", "critical"
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def consul_program():
    """Its path. Skips the test where it cannot be had."""
    if not os.access(_PROGRAM, os.X_OK):
        pytest.skip("no Consul here: deploy/local/consul.sh fetches it, or says why it cannot")
    return _PROGRAM


class ConsulAgent(Process):
    """Killed or stopped, it forgets everything; it comes back on the same port. master_token: nothing is allowed
    without it."""

    def __init__(self, directory, name="consul", master_token=""):
        self.port = free_port()
        self._headers = {"X-Consul-Token": master_token} if master_token else {}
        argv = [consul_program(), "agent", "-dev", "-bind", "127.0.0.1", "-client", "127.0.0.1", "-node", "tally"]
        argv += ["-http-port", self.port, "-server-port", free_port(), "-serf-lan-port", free_port()]
        argv += ["-serf-wan-port", -1, "-dns-port", -1, "-grpc-port", -1, "-log-level", "info"]
        if master_token:
            tokens = f'{{ master = "{master_token}" agent = "{master_token}" }}'
            argv += ["-hcl", f'acl {{ enabled = true default_policy = "deny" tokens {tokens} }}']
        super().__init__(name, argv, dict(os.environ), directory)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self, wait=True):
        super().start()
        if wait:
            self.wait_until_ready(self._has_leader)

    def stop(self, timeout=20):
        """An agent that is a server ends with 1 after any signal: there is nothing to check."""
        self.terminate()
        self.wait(timeout)

    def restart(self):
        self.kill()
        self.start()

    def _has_leader(self):
        return self._ask("GET", "/v1/status/leader") != b'""'

    def _ask(self, method, path, body=None):
        """The answer's body; an OSError if there is none or it is no 200."""
        request = urllib.request.Request(f"http://{self.address}{path}", body, self._headers, method=method)
        with _http.open(request, timeout=10) as response:
            return response.read()

    def get(self, path):
        return json.loads(self._ask("GET", path))

    def make_token(self, rules):
        """A token that allows what the rules say; the agent's access control is on."""
        policy = self._put("/v1/acl/policy", {"Name": "made-by-a-test", "Rules": rules})
        return self._put("/v1/acl/token", {"Policies": [{"ID": policy["ID"]}]})["SecretID"]

    def _put(self, path, document):
        return json.loads(self._ask("PUT", path, json.dumps(document).encode()))

    def register(self, name, address):
        """An instance that does not register itself, without a check."""
        host, _, port = address.rpartition(":")
        body = {"Name": name, "ID": address, "Address": host, "Port": int(port)}
        self._ask("PUT", "/v1/agent/service/register", json.dumps(body).encode())

    def deregister(self, service_id):
        self._ask("PUT", f"/v1/agent/service/deregister/{service_id}")

    def services(self):
        """What is registered, by ID."""
        return self.get("/v1/agent/services")

    def checks(self):
        """By CheckID."""
        return self.get("/v1/agent/checks")

    def passing(self, name):
        """Addresses of the healthy instances, as host:port, sorted."""
        entries = self.get(f"/v1/health/service/{name}?passing")
        return sorted(f"{entry['Service']['Address']}:{entry['Service']['Port']}" for entry in entries)

    def states(self, name):
        """Of the own check of each instance, by the service's ID."""
        return {check["ServiceID"]: check["Status"] for check in self.get(f"/v1/health/checks/{name}")}
