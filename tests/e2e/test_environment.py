"""Variables that are not plain keys: those of Kubernetes and Docker links, and files that hold secrets."""

import json
import subprocess

import pytest
import yaml

from harness.daemons import Service, environment
from harness.paths import CONFIG, program
from harness.redis_server import RedisServer

PROGRAMS = ["gateway", "counter-service"]

# What a pod has beside Services called tally, tally-counter, tally-counter-service and tally-redis, without TALLY_.
LINKS = {
    "SERVICE_HOST": "10.0.0.1",
    "SERVICE_PORT": "80",
    "SERVICE_PORT_HTTP": "80",
    "PORT": "tcp://10.0.0.1:80",
    "PORT_80_TCP": "tcp://10.0.0.1:80",
    "PORT_80_TCP_PROTO": "tcp",
    "PORT_80_TCP_PORT": "80",
    "PORT_80_TCP_ADDR": "10.0.0.1",
    "COUNTER_PORT": "tcp://10.0.0.2:80",
    "COUNTER_SERVICE_HOST": "10.0.0.2",
    "COUNTER_SERVICE_SERVICE_HOST": "10.0.0.3",
    "COUNTER_SERVICE_SERVICE_PORT": "50051",
    "COUNTER_SERVICE_PORT": "tcp://10.0.0.3:50051",
    "COUNTER_SERVICE_PORT_50051_TCP": "tcp://10.0.0.3:50051",
    "REDIS_SERVICE_HOST": "10.0.0.4",
    "REDIS_PORT": "tcp://10.0.0.4:6379",
}
# The harness sets these to start the programs on ports of its own.
OWN = {"COUNTER_SERVICE_HOST", "COUNTER_SERVICE_PORT"}


def run(name, *arguments, **settings):
    return subprocess.run(
        [program(name), "--config", CONFIG, *arguments],
        env=environment(settings), capture_output=True, text=True, timeout=10,
    )  # fmt: skip


def lines(daemon, message):
    return [line for line in map(json.loads, daemon.log().splitlines()) if line["msg"] == message]


@pytest.fixture(scope="module")
def stack(start_stack):
    links = {name: value for name, value in LINKS.items() if name not in OWN}
    return start_stack(service=links, gateway=LINKS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_check_passes_links_over_with_a_warning(name):
    plain = run(name, "--check")
    linked = run(name, "--check", **LINKS)
    assert (linked.returncode, linked.stdout) == (0, plain.stdout)
    (warning,) = linked.stderr.splitlines()
    for word in ("16 variables", "TALLY_PORT_80_TCP_ADDR", "TALLY_COUNTER_SERVICE_PORT", "enableServiceLinks: false"):
        assert word in warning
    assert plain.stderr == ""


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("variable", ["REDIS_ADR", "SERVICE_HST", "PORT", "COUNTER_SERVICE_PRT"])
def test_what_is_misspelt_is_still_refused(name, variable):
    refused = run(name, "--check", **LINKS | {variable: "1.2.3.4:5"})
    assert refused.returncode == 1
    assert f"TALLY_{variable}" in refused.stderr


def test_both_programs_start_count_and_say_it_once(stack, resource):
    answer = stack.gateway.post("/api/v1/counter/increment", {"resource_id": resource, "counter_type": "like"})
    assert answer.status == 200
    for daemon, count in ((stack.gateway, len(LINKS)), (stack.service, len(LINKS) - len(OWN))):
        (warning,) = lines(daemon, "variables of Kubernetes or Docker links are passed over")
        assert (warning["level"], warning["count"]) == ("warn", count)
        assert "TALLY_SERVICE_PORT_HTTP" in warning["variables"].split()
        assert "enableServiceLinks: false" in warning["advice"]


def test_health_passes_links_over(stack):
    for name, daemon in (("gateway", stack.gateway), ("counter-service", stack.service)):
        healthy = run(name, "--health", **daemon.settings)
        assert (healthy.returncode, healthy.stdout) == (0, "")
        assert "passed over" in healthy.stderr


@pytest.fixture
def secret(tmp_path):
    """Writes a file that holds a secret."""

    def write(content):
        path = tmp_path / "password"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("variable", ["REDIS_PASSWORD", "CONSUL_TOKEN"])
def test_a_secret_comes_from_a_file_and_is_masked(name, variable, secret):
    checked = run(name, "--check", **{f"{variable}_FILE": secret(b"hunter2\n")})
    assert checked.returncode == 0, checked
    assert "hunter2" not in checked.stdout + checked.stderr
    section, key = variable.lower().split("_")
    assert yaml.safe_load(checked.stdout)[section][key] == "********"


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"hunter\x002", "NUL"), (b"hunter2" * 1000, "longer than 4 KiB"), (b"\xff", "UTF-8")],
)
def test_a_file_that_holds_no_secret_stops_the_start(name, content, reason, secret):
    path = secret(content)
    refused = run(name, REDIS_PASSWORD_FILE=path)
    assert refused.returncode == 1
    for word in ("TALLY_REDIS_PASSWORD_FILE", str(path), reason):
        assert word in refused.stderr
    assert "hunter" not in refused.stdout + refused.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_missing_file_and_both_variables_are_refused(name, secret, tmp_path):
    missing = run(name, REDIS_PASSWORD_FILE=tmp_path / "missing")
    assert missing.returncode == 1
    assert f"TALLY_REDIS_PASSWORD_FILE (redis.password) {tmp_path}/missing: No such file" in missing.stderr
    both = run(name, REDIS_PASSWORD_FILE=secret(b"hunter2"), REDIS_PASSWORD="hunter3")
    assert both.returncode == 1
    assert "TALLY_REDIS_PASSWORD_FILE" in both.stderr and "TALLY_REDIS_PASSWORD\n" in both.stderr
    assert "hunter" not in both.stdout + both.stderr


def test_a_relative_path_is_one_from_the_working_directory(tmp_path):
    (tmp_path / "password").write_text("hunter2")
    command = [program("gateway"), "--config", CONFIG, "--check"]
    env = environment({"REDIS_PASSWORD_FILE": "password"})
    checked = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=10)
    assert checked.returncode == 0, checked


def test_the_service_enters_redis_with_the_password_of_the_file(tmp_path, secret):
    redis = RedisServer(tmp_path, password="hunter2")
    redis.start()
    service = Service(tmp_path, redis.address, REDIS_PASSWORD_FILE=secret(b"hunter2\r\n"))
    try:
        service.start()
        assert "hunter2" not in service.log()
        service.stop()
    finally:
        service.close()
        redis.close()
