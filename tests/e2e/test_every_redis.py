"""Redis as people run it: with TLS and users, behind a Unix socket or a name with several addresses, and managed by
somebody who hides what it is."""

import re
import socket
import subprocess

import pytest

from harness.authority import EXPIRED, Authority, tls_settings
from harness.calls import increment, read
from harness.daemons import Gateway, Service, environment
from harness.names import NAME, Names
from harness.paths import CONFIG, program
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.rights import readme_event_rules, readme_rule, readme_verify_rule
from harness.wait import wait_until

PASSWORD = "s3cret-of-tally"
UNTOLD = "Redis does not tell all that is to be checked"


class Parts:
    """Redis with TLS and a user, service and gateway, started one by one."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = Authority(directory)
        self.open = []

    def keep(self, process, **keywords):
        self.open.append(process)
        process.start(**keywords)
        return process

    def redis(self, **settings):
        """Its plain port is the test's own way to it."""
        self.tls_port = free_port()
        settings = tls_settings(self.authority, self.tls_port) | settings
        redis = self.keep(RedisServer(self.directory, **settings))
        redis.call("ACL", "SETUSER", "tally", *readme_rule(PASSWORD))
        return redis

    def settings(self, **changes):
        """That reach it by TLS as the user; None takes one out."""
        settings = {"REDIS_USERNAME": "tally", "REDIS_PASSWORD": PASSWORD, "REDIS_TLS": "true"}
        settings |= {"REDIS_TLS_CA": self.authority.path, **changes}
        return {key: value for key, value in settings.items() if value is not None}

    def service(self, wait=True, address=None, **changes):
        address = address or f"127.0.0.1:{self.tls_port}"
        return self.keep(Service(self.directory, address, **self.settings(**changes)), wait=wait)

    def plain_service(self, address, wait=True, env=None, **settings):
        service = Service(self.directory, address, **settings)
        service.env.update(env or {})
        return self.keep(service, wait=wait)

    def gateway(self, service):
        return self.keep(Gateway(self.directory, service.address))

    def close(self):
        for process in reversed(self.open):
            if process.is_running:
                process.stop()
            process.close()


@pytest.fixture
def parts(tmp_path):
    parts = Parts(tmp_path)
    yield parts
    parts.close()


def wait_until_not_ready(service, reason):
    """/health says 503 and why, and so does the log; nobody's password is there."""

    def says_so():
        response = service.get("/health")
        return response.status == 503 and reason in response.body.decode()

    wait_until(says_so, 10, f"/health to speak of {reason}")
    service.wait_for_log(reason)
    assert PASSWORD not in service.log()


# --- TLS and users


def test_a_user_counts_over_tls_with_the_rights_that_readme_names(parts, resource):
    redis = parts.redis()
    gateway = parts.gateway(parts.service())
    assert increment(gateway, resource, key="k").json()["value"] == 1
    assert increment(gateway, resource, key="k").header("idempotent-replayed") == "true"
    items = [{"resource_id": f"{resource}-{i}", "counter_type": "like", "increment": i + 1} for i in range(1000)]
    for _ in range(5):
        assert gateway.post("/api/v1/counter/increment/batch", {"increments": items}).status == 200
    assert read(gateway, f"{resource}-999") == 5000
    assert gateway.get(f"/api/v1/counter/{resource}").status == 200
    assert redis.call("ACL", "LOG") == []
    assert b"user=tally" in redis.call("CLIENT", "LIST")


def test_a_redis_that_wants_a_certificate_gets_one(parts, resource):
    parts.redis(tls_auth_clients="yes")
    certificate, key = parts.authority.sign("tally", "DNS:tally.test")
    service = parts.service(REDIS_TLS_CERT=certificate, REDIS_TLS_KEY=key)
    assert increment(parts.gateway(service), resource).json()["value"] == 1


def test_a_missing_certificate_is_told(parts):
    parts.redis(tls_auth_clients="yes")
    wait_until_not_ready(parts.service(wait=False), "it asks for a client's certificate, and redis.tls_cert is not set")


def test_another_authority_is_refused(parts, tmp_path):
    parts.redis()
    other = Authority(tmp_path, "other")
    service = parts.service(wait=False, REDIS_TLS_CA=other.path)
    wait_until_not_ready(service, "its certificate is signed by none of the authorities in redis.tls_ca")


def test_the_systems_authorities_are_the_default(parts):
    parts.redis()
    service = parts.service(wait=False, REDIS_TLS_CA=None)
    wait_until_not_ready(service, "its certificate is signed by none of the system's authorities")


def test_another_name_is_refused_and_the_right_one_can_be_given(parts, resource):
    parts.redis()
    wait_until_not_ready(
        parts.service(wait=False, REDIS_TLS_SERVER_NAME="other.test"),
        "its certificate is for another name than other.test",
    )
    service = parts.service(REDIS_TLS_SERVER_NAME="redis.test", name="counter-service-2")
    assert increment(parts.gateway(service), resource).json()["value"] == 1


def test_an_expired_certificate_is_refused_and_a_renewed_one_heals(parts, resource):
    redis = parts.redis()
    certificate, key = parts.authority.sign("expired", days=EXPIRED)
    redis.call("CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key)
    service = parts.service(wait=False)
    wait_until_not_ready(service, "has expired")
    certificate, key = parts.authority.sign("renewed")
    redis.call("CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key)
    service.wait_ready()
    assert increment(parts.gateway(service), resource).json()["value"] == 1


def test_a_renewed_authority_is_read_at_the_next_connect(parts, tmp_path, resource):
    """Both sides' certificates are of another authority than before, in the same files."""
    redis = parts.redis()
    service = parts.service()
    gateway = parts.gateway(service)
    assert increment(gateway, resource).json()["value"] == 1
    renewed = Authority(tmp_path)
    certificate, key = renewed.sign("renewed")
    redis.call("CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key)
    with redis.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: service.log().count('"msg":"connected"') == 2, 10, "a new connection")
    service.wait_ready()
    gateway.wait_ready()
    assert increment(gateway, resource).json()["value"] == 2


@pytest.mark.parametrize("wrong", [{"REDIS_USERNAME": "nobody"}, {"REDIS_PASSWORD": "wrong"}])
def test_a_wrong_user_or_password_is_told_and_the_right_one_heals(parts, wrong):
    redis = parts.redis()
    service = parts.service(wait=False, **wrong)
    wait_until_not_ready(service, "Redis refuses AUTH: WRONGPASS")
    user, password = wrong.get("REDIS_USERNAME", "tally"), wrong.get("REDIS_PASSWORD", PASSWORD)
    redis.call("ACL", "SETUSER", user, *readme_rule(PASSWORD), f">{password}")
    service.wait_ready()


def test_a_missing_right_is_told_and_given_it_heals(parts):
    redis = parts.redis()
    redis.call("ACL", "SETUSER", "tally", "-hincrby")
    service = parts.service(wait=False)
    wait_until_not_ready(service, "this user has no permissions to run the 'hincrby' command")
    redis.call("ACL", "SETUSER", "tally", "+hincrby")
    service.wait_ready()


def test_a_plain_port_is_no_tls_port(parts):
    redis = parts.redis()
    wait_until_not_ready(parts.service(wait=False, address=redis.address), "by TLS: ")


def test_a_tls_port_is_no_plain_port(parts):
    parts.redis()
    service = parts.service(wait=False, REDIS_TLS=None, REDIS_TLS_CA=None)
    wait_until_not_ready(service, "if that port speaks TLS, redis.tls must be true")


def test_a_file_that_is_not_there_is_named_and_heals(parts, tmp_path):
    parts.redis()
    path = tmp_path / "later.pem"
    service = parts.service(wait=False, REDIS_TLS_CA=path)
    wait_until_not_ready(service, f"cannot use redis.tls_ca {path}: No such file or directory")
    path.write_bytes(parts.authority.path.read_bytes())
    service.wait_ready()


def test_counter_verify_goes_the_same_way(parts, resource, start_kafka):
    kafka = start_kafka()
    redis = parts.redis()
    events, verifying = readme_event_rules()
    redis.call("ACL", "SETUSER", "tally", *events, *verifying)
    gateway = parts.gateway(parts.service(KAFKA_BROKERS=kafka.address))
    assert increment(gateway, resource).json()["value"] == 1
    wait_until(lambda: len(kafka.read_topic("counter_events")) == 1, what="the event")
    settings = parts.settings(REDIS_ADDR=f"127.0.0.1:{parts.tls_port}", KAFKA_BROKERS=kafka.address)

    def verify(**changes):
        argv = [program("counter-verify"), "--config", CONFIG]
        env = environment(settings | changes)
        return subprocess.run(argv, env=env, text=True, timeout=60, capture_output=True, check=False)

    assert verify().returncode == 0
    redis.call("ACL", "SETUSER", "reader", "reset", "on", f">{PASSWORD}", "~tally:*", *readme_verify_rule())
    assert verify(REDIS_USERNAME="reader").returncode == 0
    assert verify(REDIS_PASSWORD="wrong").stderr.startswith("counter-verify: Redis refuses AUTH: WRONGPASS")
    assert "its certificate is for another name" in verify(REDIS_TLS_SERVER_NAME="other.test").stderr
    assert redis.call("ACL", "LOG")[0][b"reason"] == b"auth"  # that one password, and no right that was missing


# --- addresses


def test_a_unix_socket(parts, tmp_path, resource):
    path = tmp_path / "redis.sock"
    redis = parts.redis(unixsocket=path)
    service = parts.plain_service(f"unix:{path}")
    gateway = parts.gateway(service)
    assert increment(gateway, resource).json()["value"] == 1
    redis.kill()
    wait_until_not_ready(service, "Redis")
    redis.start()
    service.wait_ready()
    gateway.wait_ready()
    assert increment(gateway, resource).json()["value"] == 2


class Deaf:
    """A port that answers no connect: its queue is full."""

    def __init__(self, host, port):
        self._listener = socket.create_server((host, port), backlog=0)
        self._callers = [socket.socket() for _ in range(4)]
        for caller in self._callers:
            caller.setblocking(False)
            caller.connect_ex((host, port))

    def close(self):
        for end in (*self._callers, self._listener):
            end.close()


def test_every_address_of_a_name_is_tried_and_looked_up_at_each_connect(parts, tmp_path, resource):
    names = Names(tmp_path)
    redis = parts.redis()
    deaf = Deaf("127.0.0.4", redis.port)
    try:
        names.set("127.0.0.2", "127.0.0.4", "127.0.0.1")
        service = parts.plain_service(f"{NAME}:{redis.port}", env=names.environment)
        gateway = parts.gateway(service)
        assert increment(gateway, resource).json()["value"] == 1
        redis.kill()
        names.set("127.0.0.2")
        wait_until_not_ready(service, f"cannot connect to Redis at {NAME}:{redis.port}: Connection refused")
        redis.start()
        names.set("127.0.0.4", "127.0.0.1")
        service.wait_ready()
        gateway.wait_ready()
        assert increment(gateway, resource).json()["value"] == 2
    finally:
        deaf.close()


def test_the_first_seed_is_used(parts, resource):
    redis = parts.redis()
    service = parts.plain_service(f"{redis.address},127.0.0.1:1")
    assert increment(parts.gateway(service), resource).json()["value"] == 1


# --- what is hidden


def unchecked(service):
    return re.findall(rf'"msg":"{UNTOLD}".*?"unchecked":"([^"]*)"', service.log())


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        (["info", "role", "config"], "whether it is a master, its version, its maxmemory-policy"),
        (["info"], "its version, its maxmemory-policy"),
        (["role"], "whether it is a master"),
    ],
)
def test_what_a_user_may_not_ask_is_warned_of_once(parts, resource, hidden, said):
    redis = parts.redis()
    redis.call("ACL", "SETUSER", "tally", *(f"-{command}" for command in hidden))
    service = parts.service(REDIS_WORKERS=3)
    gateway = parts.gateway(service)
    assert increment(gateway, resource).json()["value"] == 1
    with redis.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    service.wait_ready()
    wait_until(lambda: increment(gateway, resource).status == 200)
    assert unchecked(service) == [said]


def test_commands_that_were_renamed_are_warned_of_once(parts, resource):
    redis = parts.redis(rename_command=["ROLE", "", "--rename-command", "INFO", "", "--rename-command", "CONFIG", ""])
    service = parts.service()
    assert increment(parts.gateway(service), resource).json()["value"] == 1
    assert unchecked(service) == ["whether it is a master, its version, its maxmemory-policy"]
    redis.call("REPLICAOF", "127.0.0.1", "1")
    wait_until_not_ready(service, "READONLY")


def test_a_right_to_ask_that_is_taken_away_while_serving_is_warned_of(parts):
    redis = parts.redis()
    service = parts.service()
    assert unchecked(service) == []
    redis.call("ACL", "SETUSER", "tally", "-role", "-info")
    wait_until(lambda: {"whether it is a master", "its version", "its maxmemory-policy"} == set(unchecked(service)))
    assert service.get("/health").json()["status"] == "ok"


def test_what_can_be_read_and_is_wrong_still_counts(parts):
    redis = parts.redis(maxmemory_policy="allkeys-lru")
    redis.call("ACL", "SETUSER", "tally", "-role")
    service = parts.service(wait=False)
    wait_until_not_ready(service, "maxmemory-policy")
    redis.config_set("maxmemory-policy", "noeviction")
    service.wait_ready()
