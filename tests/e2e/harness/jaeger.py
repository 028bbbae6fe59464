"""A real Jaeger that keeps traces in memory, on ports of its own."""

import json
import os
import urllib.error
import urllib.request

import pytest

from harness.paths import ROOT
from harness.ports import free_port
from harness.process import Process
from harness.wait import wait_until

_PROGRAM = ROOT / "build" / "jaeger" / "jaeger"
_SCRIPT = ROOT / "deploy" / "local" / "jaeger_server.sh"


def require_jaeger():
    """Skips, by name, where there is none."""
    if not os.access(_PROGRAM, os.X_OK):
        pytest.skip("no Jaeger here: deploy/local/jaeger.sh builds it, or says why it cannot")


class Jaeger(Process):
    """Killed, it comes back on the same ports, and has forgotten its traces."""

    def __init__(self, directory, name="jaeger"):
        require_jaeger()
        self.otlp_port, self.query_port = free_port(), free_port()
        argv = [_SCRIPT, directory / f"{name}-data", self.otlp_port, self.query_port]
        super().__init__(name, argv, dict(os.environ), directory)

    @property
    def endpoint(self):
        """For tracing.endpoint."""
        return f"http://127.0.0.1:{self.otlp_port}"

    def start(self, wait=True):
        super().start()
        if wait:
            self.wait_until_ready(lambda: self._get("/api/services"), 60)

    def services(self):
        return sorted(self._get("/api/services")["data"] or [])

    def trace(self, trace_id):
        """{"spans": [...], "processes": {...}} as Jaeger has it (/api/traces/ID), or None. trace_id: 32 hexadecimal
        digits."""
        try:
            (trace,) = self._get(f"/api/traces/{trace_id}")["data"]
        except urllib.error.HTTPError as error:
            assert error.code == 404, f"/api/traces/{trace_id}: {error.code} {error.read()!r}"
            return None
        return trace

    def wait_trace(self, trace_id, spans=1, timeout=20):
        """The trace, when it has so many spans at least."""

        def look():
            trace = self.trace(trace_id)
            return trace if trace and len(trace["spans"]) >= spans else None

        return wait_until(look, timeout, f"{spans} spans of trace {trace_id}")

    def _get(self, target):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.query_port}{target}", timeout=10) as answer:
            return json.load(answer)
