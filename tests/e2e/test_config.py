"""Configuration and command line of both programs: what is wrong stops the start, with key and rule."""

import subprocess

import pytest
import yaml

from harness.daemons import environment
from harness.paths import CONFIG, program

PROGRAMS = ["gateway", "counter-service"]

# Dotted key -> default, as README and common/config/config_keys.c have them.
DEFAULTS = {
    "server.host": "0.0.0.0",
    "server.port": 8080,
    "server.request_timeout": "2s",
    "server.max_connections": 10000,
    "server.max_pending": 131072,
    "server.idle_timeout": "95s",
    "server.read_timeout": "30s",
    "server.max_body": "64KiB",
    "server.max_body_memory": "64MiB",
    "server.cors_origins": [],
    "counter_service.host": "0.0.0.0",
    "counter_service.port": 50051,
    "counter_service.admin_port": 50052,
    "counter_service.max_deadline": "4s",
    "counter_service.rpc_threads": 1,
    "counter_service.queue": 65536,
    "counter_service.queue_time": "1s",
    "counter_service.max_connection_age": "30m",
    "grpc.counter_service.host": "localhost:50051",
    "grpc.counter_service.resolve_every": "30s",
    "grpc.counter_service.pool_size": 20,
    "grpc.counter_service.keep_alive": "30s",
    "grpc.counter_service.attempt_timeout": "600ms",
    "grpc.counter_service.window": 4096,
    "redis.mode": "auto",
    "redis.addr": "localhost:6379",
    "redis.password": "",
    "redis.db": 0,
    "redis.workers": 1,
    "redis.timeout": "1s",
    "redis.connect_timeout": "500ms",
    "redis.partitions": 0,
    "session.ttl": "1h",
    "idempotency.ttl": "24h",
    "log.level": "info",
    "log.format": "json",
    "drain.delay": "2s",
    "drain.timeout": "10s",
    "kafka.brokers": [],
    "kafka.topic": "counter_events",
    "kafka.format": "json",
    "kafka.partitions": 6,
    "kafka.replication": 0,
    "kafka.security": "plaintext",
    "kafka.mechanism": "",
    "kafka.username": "",
    "kafka.password": "",
    "kafka.ca": "",
    "kafka.options": [],
    "events.outbox_max": 1000000,
    "events.when_full": "drop_oldest",
    "rankings": [],
    "cache.max_staleness": "0s",
    "cache.max_entries": 10000,
    "debug.pprof": False,
    "debug.heap_profile": False,
    "debug.allow": [],
    "consul.address": "localhost:8500",
    "consul.token": "",
    "consul.service": "counter-service",
    "consul.advertise_host": "",
    "consul.health_interval": "10s",
}


def run(name, *arguments, **settings):
    return subprocess.run(
        [program(name), *arguments], env=environment(settings), capture_output=True, text=True, timeout=10
    )


def check(name, path=CONFIG, **settings):
    return run(name, "--config", path, "--check", **settings)


def flat(tree, prefix=""):
    found = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def amount(value):
    """Durations in milliseconds, sizes in bytes; anything else as it is."""
    units = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "KiB": 1024, "MiB": 1024**2}
    for unit, factor in units.items():
        number = str(value).removesuffix(unit)
        if number != str(value) and number.isdigit():
            return int(number) * factor
    return value


@pytest.fixture
def written(tmp_path):
    """Writes a configuration file."""

    def write(text):
        path = tmp_path / "own.yaml"
        path.write_text(text)
        return path

    return write


def check_refused(result, *words):
    """Exit code not 0, one plain message on stderr that has the words."""
    assert result.returncode not in (0, None) and result.returncode > 0, result
    for word in words:
        assert word in result.stderr, result.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_shipped_file_is_valid_and_has_every_key_with_its_default(name):
    shipped = flat(yaml.safe_load(CONFIG.read_text()))
    assert check(name).returncode == 0
    for key, value in DEFAULTS.items():
        assert key in shipped, f"{key} is missing in the shipped file"
        assert amount(shipped[key]) == amount(value), key


@pytest.mark.parametrize("name", PROGRAMS)
def test_check_prints_the_effective_configuration_and_that_is_valid_too(name, written):
    result = check(name, SERVER_PORT=1234, REDIS_TIMEOUT="250ms")
    assert result.returncode == 0, result
    printed = flat(yaml.safe_load(result.stdout))
    assert printed["server.port"] == 1234
    assert amount(printed["redis.timeout"]) == 250
    for key, value in DEFAULTS.items():
        if key not in ("server.port", "redis.timeout"):
            assert amount(printed[key]) == amount(value), key
    again = check(name, written(result.stdout))
    assert (again.returncode, again.stdout) == (0, result.stdout)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_file_with_few_keys_leaves_the_others_at_their_defaults(name, written):
    result = check(name, written("server:\n  port: 4321\n"))
    assert result.returncode == 0, result
    assert flat(yaml.safe_load(result.stdout)) == flat(yaml.safe_load(check(name).stdout)) | {"server.port": 4321}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_environment_overrides_the_file(name, written):
    path = written("redis: {addr: 'one:1', db: 3}\nkafka: {topic: mine}\n")
    printed = flat(yaml.safe_load(check(name, path, REDIS_ADDR="two:2", GRPC_COUNTER_SERVICE_POOL_SIZE=5).stdout))
    assert (printed["redis.addr"], printed["redis.db"], printed["kafka.topic"]) == ("two:2", 3, "mine")
    assert printed["grpc.counter_service.pool_size"] == 5


@pytest.mark.parametrize("name", PROGRAMS)
def test_rankings_are_a_list_of_mappings_in_the_environment_too(name, written):
    result = check(name, RANKINGS="[{counter_type: like, windows: [day, all], rolling: [1h], utc_offset: '+08:00'}]")
    assert result.returncode == 0, result
    assert yaml.safe_load(result.stdout)["rankings"] == [
        {"counter_type": "like", "windows": ["day", "all"], "rolling": ["1h"], "keep": 10000, "utc_offset": "+08:00",
         "cache_ttl": "1s"}
    ]  # fmt: skip
    again = check(name, written(result.stdout))
    assert (again.returncode, again.stdout) == (0, result.stdout)
    assert yaml.safe_load(check(name, written(result.stdout), RANKINGS="").stdout)["rankings"] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_secrets_are_masked(name, written):
    for result in (check(name, REDIS_PASSWORD="hunter2"), check(name, written("redis:\n  password: hunter2\n"))):
        assert result.returncode == 0
        assert "hunter2" not in result.stdout + result.stderr
        assert flat(yaml.safe_load(result.stdout))["redis.password"], "a password that is set must not look unset"


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("redis:\n  adr: x\n", ["adr"]),
        ("reddis: {}\n", ["reddis"]),
        ("server:\n  port: many\n", ["port"]),
        ("server:\n  port: 70000\n", ["port"]),
        ("server:\n  port: -1\n", ["port"]),
        ("server:\n  port: [1]\n", ["port"]),
        ("server: 5\n", ["server"]),
        ("server:\n  request_timeout: 2\n", ["request_timeout"]),
        ("server:\n  request_timeout: 2 parsecs\n", ["request_timeout"]),
        ("server:\n  request_timeout: -2s\n", ["request_timeout"]),
        ("server:\n  request_timeout: 99999999999999999999s\n", ["request_timeout"]),
        ("server:\n  max_body: 64KB\n", ["max_body"]),
        ("server:\n  max_connections: 0\n", ["max_connections"]),
        ("server:\n  cors_origins: [https://Shop.example/]\n", ["server.cors_origins", "origins"]),
        ("debug:\n  allow: [10.0.0.1/8]\n", ["debug.allow", "networks like 10.0.0.0/8"]),
        ("debug:\n  pprof: yes\n", ["debug.pprof", "false, true"]),
        ("server:\n  max_body_memory: 1KiB\n", ["server.max_body_memory"]),
        ("grpc:\n  counter_service:\n    pool_size: 0\n", ["pool_size"]),
        ("grpc:\n  counter_service:\n    host: nowhere\n", ["host"]),
        ("redis:\n  db: -1\n", ["db"]),
        ("redis:\n  addr: nowhere\n", ["addr"]),
        ("redis:\n  workers: 0\n", ["workers"]),
        ("redis:\n  partitions: 1025\n", ["partitions"]),
        ("redis:\n  mode: many\n", ["redis.mode"]),
        ("redis:\n  batch_ttl: 10s\n", ["batch_ttl"]),
        ("session:\n  ttl: 1s\n", ["session.ttl"]),
        ("log:\n  level: loud\n", ["level"]),
        ("log:\n  format: xml\n", ["format"]),
        ("kafka:\n  brokers: [localhost]\n", ["kafka.brokers", "host:port"]),
        ("kafka:\n  security: ssh\n", ["kafka.security", "sasl_ssl"]),
        ("kafka:\n  username: me\n", ["kafka.username", "kafka.security"]),
        ("kafka:\n  options: [linger.ms]\n", ["kafka.options", "name=value"]),
        ("events:\n  outbox_max: 999\n", ["events.outbox_max"]),
        ("events:\n  when_full: block\n", ["events.when_full", "drop_oldest"]),
        ("rankings:\n  like: {}\n", ["rankings", "SEQUENCE"]),
        ("rankings:\n  - windows: [day]\n", ["rankings[0].counter_type"]),
        ("rankings:\n  - counter_type: like\n    windows: [year]\n", ["rankings[0].windows", "week, month"]),
        ("cache:\n  max_entries: 0\n", ["cache.max_entries"]),
        ("consul:\n  address: localhost\n", ["consul.address"]),
        ("consul:\n  service: -x\n", ["consul.service", "a-z 0-9 -"]),
        ("consul:\n  service: ''\n", ["consul.service", "1-32 characters"]),
    ],
)
def test_what_is_wrong_in_the_file_is_named(name, written, text, words):
    path = written(text)
    check_refused(check(name, path), str(path), *words)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    "text", ["server: {port: 1\n", "\tserver: 1\n", "[1, 2]\n", "server:\n  port: 1\n  port: 2\n", "%", "- x\n"]
)
def test_a_file_that_is_no_configuration_is_refused(name, written, text):
    path = written(text)
    check_refused(check(name, path), str(path))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_file_that_is_not_there_is_refused_by_name(name, tmp_path):
    check_refused(check(name, tmp_path / "missing.yaml"), "missing.yaml")
    check_refused(run(name, "--config", tmp_path / "missing.yaml"), "missing.yaml")


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("key", "value", "word"),
    [("SERVER_PORT", "many", "SERVER_PORT"), ("REDIS_TIMEOUT", "1", "REDIS_TIMEOUT"),
     ("LOG_LEVEL", "loud", "LOG_LEVEL"), ("KAFKA_BROKERS", "a:1,b", "KAFKA_BROKERS"),
     ("KAFKA_OPTIONS", "a=1,a=2", "KAFKA_OPTIONS"), ("KAFKA_USERNAME", "u", "kafka.username"),
     ("RANKINGS", "like", "RANKINGS"), ("REDIS_DB", "", "REDIS_DB")],
)  # fmt: skip
def test_what_is_wrong_in_the_environment_is_named(name, key, value, word):
    check_refused(check(name, **{key: value}), word)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_itself_refuses_what_check_refuses(name, written):
    check_refused(run(name, "--config", written("server:\n  port: many\n")), "port")


@pytest.mark.parametrize("name", PROGRAMS)
def test_version_and_help(name):
    version = run(name, "--version")
    assert version.returncode == 0 and any(letter.isdigit() for letter in version.stdout), version
    usage = run(name, "--help")
    assert usage.returncode == 0
    for option in ("--config", "--check", "--health", "--version", "--help"):
        assert option in usage.stdout


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("arguments", [["--nonsense"], ["extra"], ["--config"]])
def test_a_bad_command_line_is_refused(name, arguments):
    check_refused(run(name, *arguments))


def test_a_port_that_is_taken_is_named(stack):
    taken = run("gateway", "--config", str(CONFIG), SERVER_HOST="127.0.0.1", SERVER_PORT=stack.service.admin_port)
    check_refused(taken)
    assert str(stack.service.admin_port) in taken.stderr + taken.stdout
    settings = stack.service.settings | {"COUNTER_SERVICE_ADMIN_PORT": 0}
    taken = run("counter-service", "--config", str(CONFIG), **settings)
    check_refused(taken)
    assert str(stack.service.port) in taken.stderr + taken.stdout
