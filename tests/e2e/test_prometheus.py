"""deploy/prometheus and deploy/grafana on the real Prometheus and Alertmanager, over both programs, found by Consul:
every query names what there is, and a real fault is told and taken back."""

import json
import subprocess

import pytest

from harness.calls import INCREMENT, increment, increment_batch, item, read_batch
from harness.prometheus import (
    SHIPPED, Alertmanager, ConsulTargets, Prometheus, Receiver, built_prometheus, debian_program, running,
)  # fmt: skip
from harness.queries import grouped_labels, of_alerts, of_dashboards, quantities, recorded, selectors
from harness.wait import wait_until

RANKINGS = "[{counter_type: like, windows: [day, all], rolling: [1h]}]"
# The first one waits for all that is started.
pytestmark = pytest.mark.timeout(120)
ALERTS, PANELS, RECORDED = list(of_alerts()), list(of_dashboards()), recorded()
QUERIES = [*ALERTS, *PANELS, *(query for _, query in RECORDED)]
SELECTORS = sorted({(name, tuple(sorted(labels))) for query in QUERIES for name, labels in selectors(query.text)})


@pytest.fixture(scope="module")
def stack(start_cluster, kafka):
    service = {"KAFKA_BROKERS": kafka.address, "RANKINGS": RANKINGS}
    return start_cluster(services=1, service=service, gateway={"CACHE_MAX_STALENESS": "1s"})


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def prometheus(stack, receiver, tmp_path_factory):
    directory = tmp_path_factory.mktemp("prometheus")
    alertmanager = Alertmanager(directory, receiver)
    prometheus = Prometheus(directory, SHIPPED / "prometheus.yml", {"alertmanager:9093": alertmanager.address})
    targets = [ConsulTargets(directory, stack.consul, name, prometheus) for name in ("gateway", "counter-service")]
    with running(alertmanager, prometheus, *targets):
        wait_until(lambda: prometheus.up() == processes_of(stack), what="both programs to be scraped")
        yield prometheus


def processes_of(stack):
    ports = [("counter-service", one.admin_port) for one in stack.services]
    ports += [("gateway", one.port) for one in stack.gateways]
    return sorted((job, f"127.0.0.1:{port}") for job, port in ports)


def some_of_everything(gateway):
    """Statuses. Of a gateway whose Redis may be gone."""
    answers = [
        increment(gateway, "a"),
        increment(gateway, "a", key="k"),
        increment(gateway, "a", increment=0),
        increment_batch(gateway, [item("a"), item("b", increment=0)]),
        read_batch(gateway, [item("a")]),
    ]
    ranking = "rankings/like"
    for path in ("counter/a/like", "counter/a", "counter/a/Bad", f"{ranking}?window=day", f"{ranking}/a?window=day"):
        answers.append(gateway.get(f"/api/v1/{path}"))
    return {answer.status for answer in answers}


@pytest.fixture(scope="module")
def watched(stack, prometheus):
    """Prometheus, when it has seen all kinds of calls and of answers."""

    def has_seen(status):
        assert status in some_of_everything(stack.gateway)
        return prometheus.query(f'rate(tally_http_requests_total{{route="{INCREMENT}", status="{status}"}}[1m]) > 0')

    wait_until(lambda: has_seen(200), interval=0.2)
    stack.redis.kill()
    wait_until(lambda: increment(stack.gateway, "a").status == 503)
    wait_until(lambda: has_seen(503), interval=0.2)
    stack.redis.start()
    stack.wait_ready()
    return prometheus


@pytest.mark.parametrize("name, labels", SELECTORS, ids=str)
def test_what_is_named_exists(watched, name, labels):
    """The metric, or what a rule records, with each label that is matched."""
    has_all = ", ".join(f'{label}!=""' for label in labels)
    wait_until(lambda: watched.query(f"{name}{{{has_all}}}"), 10, f"{name} with {labels}")


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_a_panel_has_data(watched, panel):
    found = wait_until(lambda: watched.query(panel.text), 10, panel.text)
    for sample in found:
        assert panel.labels | grouped_labels(panel.text) <= set(sample["metric"]), panel.text


@pytest.mark.parametrize("name, query", RECORDED, ids=[name for name, _ in RECORDED])
def test_a_rule_records(watched, name, query):
    assert wait_until(lambda: watched.query(query.text), 10, query.text)
    assert wait_until(lambda: watched.query(name), 10, name)


@pytest.mark.parametrize("alert", ALERTS, ids=str)
def test_what_an_alert_compares_has_data(watched, alert):
    for quantity in quantities(alert.text):
        found = wait_until(lambda quantity=quantity: watched.query(quantity), 10, quantity)
        for sample in found:
            assert alert.labels | grouped_labels(quantity) <= set(sample["metric"]), quantity


def test_redis_down_is_told_and_taken_back(watched, stack, receiver):
    """By Prometheus to Alertmanager, by that to its receiver."""

    def is_told(status):
        return receiver.last_told("/page", "TallyRedisDown") == status

    wait_until(lambda: "TallyRedisDown" not in watched.firing())
    wait_until(lambda: not is_told("firing"))
    stack.redis.kill()
    wait_until(lambda: "TallyRedisDown" in watched.firing(), what="Prometheus")
    wait_until(lambda: is_told("firing"), what="Alertmanager")
    stack.redis.start()
    wait_until(lambda: "TallyRedisDown" not in watched.firing(), what="Prometheus")
    wait_until(lambda: is_told("resolved"), what="Alertmanager")


def test_targets_are_where_the_instances_say_that_their_metrics_are(tmp_path):
    """Without a port for them, as of an older version, an instance is none."""
    debian_program("jq")
    instances = [
        {"Service": {"Service": "gateway", "Address": address, "Port": 1, "Meta": meta}}
        for address, meta in (("fd00::7", {"metrics_port": "8080"}), ("node-1", {"metrics_port": "80"}), ("old", {}))
    ]
    command = [SHIPPED / "consul_targets.sh", "--write", tmp_path / "gateway.json"]
    subprocess.run(command, input=json.dumps(instances), text=True, check=True, timeout=20)
    found = json.loads((tmp_path / "gateway.json").read_text())
    labels = {"job": "gateway"}
    assert found == [{"labels": labels, "targets": ["[fd00::7]:8080"]}, {"labels": labels, "targets": ["node-1:80"]}]


def test_consuls_own_discovery_finds_the_same(stack, tmp_path):
    """And lets go of one that left."""
    places = {"localhost:8500": stack.consul.address}
    program = built_prometheus()
    prometheus = Prometheus(tmp_path, SHIPPED / "prometheus-consul.yml", places, program)
    with running(prometheus):
        wait_until(lambda: prometheus.up() == processes_of(stack))
        second = stack.add_service()
        second.start()
        wait_until(lambda: prometheus.up() == processes_of(stack))
        stack.remove_service(second)
        wait_until(lambda: len(prometheus.query("up")) == 2)
