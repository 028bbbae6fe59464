"""A real Prometheus and Alertmanager, with the configuration that is shipped, in a hurry."""

import contextlib
import http.server
import json
import os
import re
import shutil
import threading
import urllib.parse
import urllib.request

import pytest
import yaml

from harness.consul_agent import consul_program
from harness.paths import ROOT
from harness.ports import free_port
from harness.process import Process

SHIPPED = ROOT / "deploy" / "prometheus"
BUILT = ROOT / "build" / "prometheus" / "prometheus"
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def debian_program(name):
    """Skips the test where it is not."""
    if not shutil.which(name):
        pytest.skip(f"no {name} here: deploy/local/deps.sh test installs it")
    return name


def built_prometheus():
    """One with Consul's discovery. Skips the test where it is not."""
    if not os.access(BUILT, os.X_OK):
        pytest.skip("no Prometheus with Consul's discovery here: tests/prometheus/build.sh makes it")
    return BUILT


def hurried(rules):
    """The same rules, but that no alert waits."""
    return re.sub(r"^( +for:) .*$", r"\1 1s", rules, flags=re.MULTILINE)


class Server(Process):
    """An HTTP server that says /-/ready."""

    def __init__(self, name, argv, directory):
        self.port = free_port()
        argv = [*argv, f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        super().__init__(name, argv, dict(os.environ), directory)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        super().start()
        self.wait_until_ready(lambda: self.get("/-/ready"))

    def get(self, path, **query):
        url = f"http://{self.address}{path}?{urllib.parse.urlencode(query, doseq=True)}"
        with _http.open(url, timeout=10) as response:
            return response.read()


class Prometheus(Server):
    """config: the shipped file, of which `places` are others here; it scrapes and judges each second. Its targets/ are
    for the test to fill."""

    def __init__(self, directory, config, places, program=None):
        self.directory = directory / "prometheus"
        self.targets_directory = self.directory / "targets"
        shutil.copytree(SHIPPED / "rules", self.directory / "rules")
        self.targets_directory.mkdir()
        for path in (self.directory / "rules").iterdir():
            path.write_text(hurried(path.read_text()))
        text = re.sub(r"(scrape_interval|evaluation_interval|refresh_interval): \d+s", r"\1: 1s", config.read_text())
        for shipped, here in places.items():
            assert shipped in text, f"{config} does not name {shipped}"
            text = text.replace(shipped, here)
        path = self.directory / "prometheus.yml"
        path.write_text(text)
        argv = [program or debian_program("prometheus"), f"--config.file={path}"]
        super().__init__("prometheus", [*argv, f"--storage.tsdb.path={self.directory / 'data'}"], directory)

    def _ask(self, path, **query):
        answer = json.loads(self.get(path, **query))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        """The samples of its answer, an instant vector."""
        data = self._ask("/api/v1/query", query=expression)
        assert data["resultType"] == "vector", data
        return data["result"]

    def up(self):
        """(job, instance) of those that answer."""
        return sorted((one["metric"]["job"], one["metric"]["instance"]) for one in self.query("up == 1"))

    def firing(self):
        alerts = self._ask("/api/v1/alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


class ConsulTargets(Process):
    """The shipped script, which keeps a file of targets."""

    def __init__(self, directory, consul, service, prometheus):
        debian_program("jq")
        script = [SHIPPED / "consul_targets.sh", service, prometheus.targets_directory / f"{service}.json"]
        env = {**os.environ, "CONSUL": str(consul_program()), "CONSUL_HTTP_ADDR": consul.address}
        super().__init__(f"targets-{service}", script, env, directory)


class Alertmanager(Server):
    """The shipped configuration, but for the receivers' address and the times of waiting."""

    def __init__(self, directory, receiver):
        config = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
        config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        text = yaml.safe_dump(config).replace("localhost:9095", receiver.address)
        path = directory / "alertmanager.yml"
        path.write_text(text)
        argv = [debian_program("prometheus-alertmanager"), f"--config.file={path}", "--cluster.listen-address="]
        super().__init__("alertmanager", [*argv, f"--storage.path={directory / 'alertmanager'}"], directory)


class Receiver:
    """Where Alertmanager tells its alerts: a webhook. Usable in a with statement."""

    def __init__(self):
        self._told = {}  # (path, alert name) -> status
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in message["alerts"]:
                    receiver._told[self.path, alert["labels"]["alertname"]] = alert["status"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def last_told(self, path, alert):
        """firing, resolved, or None: nothing."""
        return self._told.get((path, alert))

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def running(*processes):
    """Started in their order, killed in reverse."""
    with contextlib.ExitStack() as ends:
        for process in processes:
            ends.callback(process.close)
            process.start()
        yield
