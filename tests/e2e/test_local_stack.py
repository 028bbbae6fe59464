"""deploy/local/run.sh, which `make run` and `make stack` call, on free ports."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.request

import pytest

from harness.consul_agent import consul_program
from harness.jaeger import require_jaeger
from harness.kafka_broker import kafka_jars
from harness.paths import BIN_DIR, ROOT
from harness.ports import free_port
from harness.process import Process
from harness.prometheus import debian_program
from harness.wait import wait_until

PORTS = (
    "REDIS_PORT", "CONSUL_PORT", "KAFKA_PORT", "TALLY_SERVER_PORT", "TALLY_COUNTER_SERVICE_PORT",
    "TALLY_COUNTER_SERVICE_ADMIN_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "JAEGER_PORT", "JAEGER_OTLP_PORT",
)  # fmt: skip


class LocalStack(Process):
    def __init__(self, directory, **settings):
        self.ports = {name: free_port() for name in PORTS}
        variables = {name: str(port) for name, port in self.ports.items()}
        variables |= {"RUN_DIR": os.path.relpath(directory / "run", ROOT), "BIN_DIR": str(BIN_DIR)}
        self._variables = os.environ | variables | settings
        # As a terminal starts it: a shell cannot catch a signal that its parent ignored, as nohup and `&` have it.
        command = ["env", "--default-signal=INT,HUP", ROOT / "deploy/local/run.sh"]
        super().__init__("local-stack", command, self._variables, directory)

    def says(self, text):
        return text in self.log() + self.stderr_path.read_text()

    def interrupt(self, number=signal.SIGINT):
        """Returns the exit code."""
        self.send_signal(number)
        return self.wait(30)

    def stop_what_is_left(self):
        """As `make stop` does: whatever it has started, and whatever has become of the script."""
        subprocess.run([ROOT / "deploy/local/stop.sh"], env=self._variables, check=True, timeout=120)
        if self._child and not self.is_running:
            self.wait()

    def open_ports(self):
        def is_open(port):
            with contextlib.closing(socket.socket()) as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        return [name for name, port in self.ports.items() if is_open(port)]


@contextlib.contextmanager
def stopped_at_last(stack):
    try:
        yield stack
    finally:
        stack.stop_what_is_left()
        stack.close()


@pytest.fixture
def local_stack(tmp_path):
    with stopped_at_last(LocalStack(tmp_path)) as stack:
        yield stack


@pytest.fixture
def local_stack_with_kafka(tmp_path):
    kafka_jars()
    if not shutil.which("kcat"):
        pytest.skip("no kcat here: deploy/local/deps.sh test installs it")
    with stopped_at_last(LocalStack(tmp_path, WITH_KAFKA="1")) as stack:
        yield stack


@pytest.fixture
def local_stack_with_prometheus(tmp_path):
    for name in ("prometheus", "prometheus-alertmanager", "jq"):
        debian_program(name)
    consul_program()
    with stopped_at_last(LocalStack(tmp_path, WITH_PROMETHEUS="1")) as stack:
        yield stack


@pytest.fixture
def local_stack_with_jaeger(tmp_path):
    require_jaeger()
    with stopped_at_last(LocalStack(tmp_path, WITH_JAEGER="1")) as stack:
        yield stack


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["ctrl-c", "terminal-closed"])
def test_it_comes_up_answers_and_stops_with_its_terminal(local_stack, number):
    local_stack.start()
    wait_until(lambda: local_stack.says("Tally is running"), 40)
    url = f"http://127.0.0.1:{local_stack.ports['TALLY_SERVER_PORT']}/health"
    wait_until(lambda: b'"consul":{"status":"ok"' in urllib.request.urlopen(url, timeout=10).read())
    assert local_stack.interrupt(number) == 0
    assert local_stack.open_ports() == []
    assert not local_stack.says("did not stop"), local_stack.log_tail()


def increment_by_curl(url, resource):
    command = ["curl", "-sf", f"{url}/api/v1/counter/increment", "-H", "Content-Type: application/json"]
    body = f'{{"resource_id":"{resource}","counter_type":"like"}}'
    subprocess.run([*command, "-d", body], check=True, stdout=subprocess.DEVNULL, timeout=20)


def printed_by_kcat(address):
    """All that is in the topic, by the command that run.sh tells to try; "" while there is no such topic."""
    command = ["kcat", "-q", "-b", address, "-t", "counter_events", "-C", "-o", "beginning", "-e"]
    run = subprocess.run([*command, "-f", "%k %h %s\n"], capture_output=True, text=True, timeout=20)
    return run.stdout


def printed_by_verify(local_stack):
    """By the command that run.sh tells to try, with its addresses."""
    _, found, rest = local_stack.log().partition("TALLY_REDIS_ADDR=")
    command = found + rest.partition("--config configs/config.yaml")[0] + "--config configs/config.yaml"
    run = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return run.stdout


@pytest.mark.timeout(120)
def test_with_kafka_each_change_is_an_event_there(local_stack_with_kafka):
    local_stack = local_stack_with_kafka
    local_stack.start()
    local_stack.wait_until_ready(lambda: local_stack.says("Tally is running"), 60)
    kafka = f"127.0.0.1:{local_stack.ports['KAFKA_PORT']}"
    assert local_stack.says(f"kcat -b {kafka} -t counter_events -C -o beginning -f '%k %h %s\\n'")
    url = f"http://127.0.0.1:{local_stack.ports['TALLY_SERVER_PORT']}"
    increment_by_curl(url, "article-1")
    increment_by_curl(url, "article-2")
    wait_until(lambda: len(printed_by_kcat(kafka).splitlines()) == 2, 20, interval=0.5)
    keys = {line.split()[0] for line in printed_by_kcat(kafka).splitlines()}
    assert keys == {"article-1", "article-2"}
    assert printed_by_verify(local_stack).splitlines()[-1] == "equal"
    assert local_stack.interrupt() == 0
    assert local_stack.open_ports() == []
    assert not local_stack.says("did not stop"), local_stack.log_tail()


def test_with_prometheus_both_programs_are_watched(local_stack_with_prometheus):
    local_stack = local_stack_with_prometheus
    local_stack.start()
    local_stack.wait_until_ready(lambda: local_stack.says("Tally is running"), 60)
    prometheus, alertmanager = (local_stack.ports[name] for name in ("PROMETHEUS_PORT", "ALERTMANAGER_PORT"))
    assert local_stack.says(f"http://127.0.0.1:{prometheus}") and local_stack.says(f"http://127.0.0.1:{alertmanager}")

    def ask(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{prometheus}/api/v1/{path}", timeout=10) as response:
            return json.load(response)["data"]

    def scraped():
        return {sample["metric"]["job"] for sample in ask("query?query=up==1")["result"]}

    wait_until(lambda: scraped() == {"gateway", "counter-service"}, 40, interval=0.2)
    (found,) = ask("alertmanagers")["activeAlertmanagers"]
    assert found["url"].startswith(f"http://127.0.0.1:{alertmanager}/")
    assert any(rule["name"] == "TallyRedisDown" for group in ask("rules")["groups"] for rule in group["rules"])
    assert local_stack.interrupt() == 0
    assert local_stack.open_ports() == []
    assert not local_stack.says("did not stop"), local_stack.log_tail()


def test_with_jaeger_each_request_has_its_trace(local_stack_with_jaeger):
    local_stack = local_stack_with_jaeger
    local_stack.start()
    local_stack.wait_until_ready(lambda: local_stack.says("Tally is running"), 60)
    increment_by_curl(f"http://127.0.0.1:{local_stack.ports['TALLY_SERVER_PORT']}", "traced")
    _, found, rest = local_stack.log().partition('curl "http')  # as run.sh tells to try
    url = f"http{rest.partition(chr(34))[0]}"

    def names():
        with urllib.request.urlopen(url, timeout=10) as response:
            traces = json.load(response)["data"] or []
        return {span["operationName"] for trace in traces for span in trace["spans"]}

    assert found
    wait_until(lambda: {"POST /api/v1/counter/increment", "EVALSHA"} <= names(), 40, interval=0.2)
    assert local_stack.interrupt() == 0
    assert local_stack.open_ports() == []
    assert not local_stack.says("did not stop"), local_stack.log_tail()


def test_a_program_that_cannot_start_ends_all_and_is_shown(local_stack):
    """Its port looks free: it is the near end of somebody's connection."""
    port = local_stack.ports["TALLY_COUNTER_SERVICE_ADMIN_PORT"]
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        with contextlib.closing(socket.create_connection(server.getsockname(), source_address=("127.0.0.1", port))):
            local_stack.start()
            assert local_stack.wait(40) == 1
    assert local_stack.says("counter-service is not ready")
    assert local_stack.says(f"cannot listen on 127.0.0.1:{port}")
    assert not local_stack.says("Tally is running")
    assert not local_stack.says("did not stop"), local_stack.log_tail()
    assert local_stack.open_ports() == []


def test_a_port_that_is_taken_is_named_before_anything_starts(local_stack):
    port = local_stack.ports["REDIS_PORT"]
    with contextlib.closing(socket.create_server(("127.0.0.1", port))):
        local_stack.start()
        assert local_stack.wait(40) == 1
    assert local_stack.says(f"port {port}, for Redis, is taken") and local_stack.says("REDIS_PORT=PORT make run")
    assert local_stack.open_ports() == []
