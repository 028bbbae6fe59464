"""What the service asks of Redis before it serves: anything wrong keeps it waiting, says why, and heals by itself."""

import pathlib
import re
import subprocess

import pytest

from harness.calls import increment, read
from harness.daemons import PATIENT_ATTEMPTS, Gateway, Service, environment
from harness.events import events_health
from harness.paths import CONFIG, program
from harness.problems import check_problem, check_retry_after
from harness.redis_server import RedisServer
from harness.ranked import top, wait_ranked
from harness.rights import readme_event_rules, readme_rule
from harness.wait import wait_until


class Parts:
    """Redis, service and gateway, started one by one."""

    def __init__(self, directory):
        self.directory = directory
        self.open = []

    def _keep(self, process, *arguments, **keywords):
        self.open.append(process)
        process.start(*arguments, **keywords)
        return process

    def redis(self, **settings):
        return self._keep(RedisServer(self.directory, **settings))

    def service(self, redis, wait=True, **settings):
        return self._keep(Service(self.directory, redis.address, **settings), wait=wait)

    def gateway(self, service, wait=True):
        return self._keep(Gateway(self.directory, service.address, **PATIENT_ATTEMPTS), wait=wait)

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
    """/health says 503 and why, in whatever words, as long as these are among them."""

    def says_so():
        response = service.get("/health")
        return response.status == 503 and reason.lower() in response.body.decode().lower()

    wait_until(says_so, 10, f"/health to speak of {reason}")


def test_a_password_and_a_database_are_used(parts, resource):
    redis = parts.redis(password="s3cret/+ &")
    service = parts.service(redis, REDIS_PASSWORD=redis.password, REDIS_DB=5)
    assert increment(parts.gateway(service), resource).json()["value"] == 1
    with redis.client(db=5) as five, redis.client(db=0) as zero:
        assert five.dbsize() > 0
        assert zero.dbsize() == 0
    assert "s3cret" not in service.log()


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_is_told_and_the_right_one_heals(parts, resource, password):
    redis = parts.redis(password="right")
    service = parts.service(redis, wait=False, REDIS_PASSWORD=password)
    wait_until_not_ready(service, "auth" if password == "" else "password")
    assert "right" not in service.get("/health").body.decode()
    redis.config_set("requirepass", password)
    redis.password = password
    service.wait_ready()
    assert increment(parts.gateway(service), resource).json()["value"] == 1


def test_redis_absent_at_the_start_is_waited_for(parts, resource):
    redis = RedisServer(parts.directory)
    service = parts.service(redis, wait=False)
    gateway = parts.gateway(service, wait=False)
    assert [gateway.get(path).status for path in ("/health/live", "/health/ready", "/health")] == [200, 503, 503]
    wait_until(lambda: service.get("/health").status == 503)
    response = increment(gateway, resource)
    check_problem(response, 503, "not_applied")
    check_retry_after(response)
    parts._keep(redis)
    service.wait_ready()
    gateway.wait_ready()
    assert increment(gateway, resource).json()["value"] == 1


def test_the_service_absent_at_the_start_is_waited_for(parts, resource):
    redis = parts.redis()
    service = Service(parts.directory, redis.address)
    gateway = parts.gateway(service, wait=False)
    check_problem(increment(gateway, resource), 503, "not_applied")
    parts._keep(service)
    gateway.wait_ready()
    assert increment(gateway, resource).json()["value"] == 1


def test_data_of_another_layout_is_not_touched(parts, resource):
    redis = parts.redis()
    redis.call("SET", "tally:meta", "something else")
    service = parts.service(redis, wait=False)
    wait_until_not_ready(service, "tally:meta")
    assert redis.call("GET", "tally:meta") == b"something else"
    redis.call("DEL", "tally:meta")
    service.wait_ready()
    assert increment(parts.gateway(service), resource).json()["value"] == 1
    assert redis.call("GET", "tally:meta")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_redis_that_may_evict_is_refused(parts, resource, policy):
    redis = parts.redis(maxmemory_policy=policy)
    service = parts.service(redis, wait=False)
    wait_until_not_ready(service, "maxmemory")
    redis.config_set("maxmemory-policy", "noeviction")
    service.wait_ready()
    assert increment(parts.gateway(service), resource).json()["value"] == 1


def test_a_replica_is_refused(parts):
    redis = parts.redis()
    redis.call("REPLICAOF", "127.0.0.1", "1")
    service = parts.service(redis, wait=False)
    wait_until_not_ready(service, "master")
    redis.call("REPLICAOF", "NO", "ONE")
    service.wait_ready()


# --- what Redis's access control, configuration or cluster refuses


def set_rights(redis, *rules):
    """Of the user that clients without a name are."""
    redis.call("ACL", "SETUSER", "default", *rules)


def test_the_rights_that_readme_names_suffice(parts, resource):
    redis = parts.redis(password="right")
    with redis.client() as client:
        client.execute_command("ACL", "SETUSER", "default", *readme_rule())
    service = parts.service(redis, REDIS_PASSWORD="a-password")
    gateway = parts.gateway(service)
    assert increment(gateway, resource, key="k").json()["value"] == 1
    assert increment(gateway, resource, key="k").header("idempotent-replayed") == "true"
    assert increment(gateway, resource, increment=2**53 - 1).json()["value"] == 2**53
    assert increment(gateway, resource).json()["value"] == 2**53 + 1
    assert read(gateway, resource) == 2**53 + 1
    assert gateway.get(f"/api/v1/counter/{resource}").status == 200


# Without any one of these some write, read or session would fail sooner or later.
NEEDED = ["set", "get", "hincrby", "hset", "hmget", "hget", "hlen", "hdel", "hrandfield", "pexpire", "unlink"]
NEEDED += ["multi", "exec", "eval", "evalsha", "script|load"]


def test_the_rights_that_readme_names_for_events_suffice(parts, resource, start_kafka):
    kafka = start_kafka()
    redis = parts.redis(password="right")
    events, verifying = readme_event_rules()
    with redis.client() as client:
        client.execute_command("ACL", "SETUSER", "default", *readme_rule(), *events, *verifying)
    settings = {"REDIS_PASSWORD": "a-password", "KAFKA_BROKERS": kafka.address}
    service = parts.service(redis, **settings)
    assert increment(parts.gateway(service), resource).json()["value"] == 1
    wait_until(lambda: len(kafka.read_topic("counter_events")) == 1, what="the event")
    env = environment({"REDIS_ADDR": redis.address, **settings})
    argv = [program("counter-verify"), "--config", CONFIG]
    subprocess.run(argv, env=env, check=True, timeout=60, capture_output=True)


def readme_ranking_rules():
    """The words that README adds to those of events for rankings."""
    text = pathlib.Path("README.md").read_text()
    found = re.search(r"for rankings these and `([^`]+)`", text)
    return found.group(1).split()


def test_the_rights_that_readme_names_for_rankings_suffice(parts):
    """Over counters that are there before, so that they are scanned too."""
    redis = parts.redis(password="right")
    gateway = parts.gateway(first := parts.service(redis, REDIS_PASSWORD="right"))
    for number in range(5):
        assert increment(gateway, f"old-{number}", increment=number + 1).status == 200
    first.stop()
    with redis.client() as client:
        events, _ = readme_event_rules()
        client.execute_command("ACL", "SETUSER", "default", *readme_rule(), *events, *readme_ranking_rules())
    rankings = "[{counter_type: like, windows: [hour, all], rolling: [1m], keep: 10, cache_ttl: 0s}]"
    gateway = parts.gateway(parts.service(redis, REDIS_PASSWORD="a-password", RANKINGS=rankings))
    wait_until(lambda: top(gateway, "like", "window=all")["complete"])
    for number in range(200):
        assert increment(gateway, f"new-{number}", increment=number + 1).status == 200
    wait_ranked(gateway, "like")
    assert top(gateway, "like", "window=all&limit=1")["entries"][0]["score"] == 200
    assert gateway.get("/api/v1/rankings/like/new-195?window=1m&neighbours=1").json()["rank"] == 5


@pytest.mark.parametrize("command", ["xadd", "xlen", "xrange", "xtrim"])
def test_a_right_that_events_need_is_named_and_given_it_heals(parts, command):
    redis = parts.redis()
    set_rights(redis, f"-{command}")
    service = parts.service(redis, wait=False, KAFKA_BROKERS="127.0.0.1:1")
    wait_until_not_ready(service, command)
    set_rights(redis, f"+{command}")
    service.wait_ready()


@pytest.mark.parametrize("command", ["time", "pttl"])
def test_a_right_that_only_the_relay_needs_degrades_and_given_it_heals(parts, resource, command):
    redis = parts.redis()
    set_rights(redis, f"-{command}")
    service = parts.service(redis, KAFKA_BROKERS="127.0.0.1:1")
    wait_until(lambda: "Redis refuses to read the outbox" in events_health(service).get("detail", ""))
    assert increment(parts.gateway(service), resource).json()["value"] == 1
    set_rights(redis, f"+{command}")
    wait_until(lambda: "outbox" not in events_health(service).get("detail", ""))


@pytest.mark.parametrize("command", NEEDED)
def test_a_right_that_is_missing_is_named_and_given_it_heals(parts, command):
    redis = parts.redis()
    set_rights(redis, f"-{command}")
    service = parts.service(redis, wait=False)
    wait_until_not_ready(service, command.split("|")[0])
    assert "permissions" in service.get("/health").body.decode()
    set_rights(redis, f"+{command}")
    service.wait_ready()


def test_keys_that_may_not_be_touched_are_told(parts):
    redis = parts.redis()
    set_rights(redis, "resetkeys", "~tally:meta", "~tally:store", "~tally:{p0}:c:*", "~tally:{p0}:s:*")
    service = parts.service(redis, wait=False)
    wait_until_not_ready(service, "permissions")
    set_rights(redis, "~tally:*")
    service.wait_ready()


def test_a_right_taken_away_while_serving_loses_nothing_silently(parts, resource):
    """An increment whose key could not be kept is not told "applied": its retry would count again."""
    redis = parts.redis()
    service = parts.service(redis)
    gateway = parts.gateway(service)
    assert increment(gateway, resource, key="a").json()["value"] == 1
    set_rights(redis, "-set")
    check_problem(increment(gateway, resource, key="b"), 504, "unknown")
    wait_until_not_ready(service, "'set'")
    service.wait_for_log("redis refused a part of a write")
    set_rights(redis, "+set")
    service.wait_ready()
    gateway.wait_ready()
    assert increment(gateway, resource, key="a").json()["value"] == 1


@pytest.mark.parametrize("command", ["hincrby", "hmget", "evalsha"])
def test_an_increment_that_redis_refuses_is_not_applied(parts, resource, command):
    redis = parts.redis()
    service = parts.service(redis)
    gateway = parts.gateway(service)
    assert increment(gateway, resource).json()["value"] == 1
    set_rights(redis, f"-{command}")
    check_problem(increment(gateway, resource), 503, "not_applied")
    wait_until_not_ready(service, command)
    set_rights(redis, f"+{command}")
    gateway.wait_ready()
    assert increment(gateway, resource).json()["value"] == 2


@pytest.mark.parametrize("command", ["EVALSHA", "HINCRBY", "SET", "UNLINK"])
def test_a_command_that_was_renamed_is_told(parts, command):
    service = parts.service(parts.redis(rename_command=[command, ""]), wait=False)
    wait_until_not_ready(service, "unknown command")
    assert command in service.get("/health").body.decode()


def test_a_cluster_node_that_lacks_the_slot_is_told(parts):
    redis = parts.redis(cluster_enabled="yes")
    service = parts.service(redis, wait=False)
    wait_until_not_ready(service, "not all slots are served")
    # Every slot but that of {p0}: where all of them must be served, none is.
    slot = int(redis.call("CLUSTER", "KEYSLOT", "{p0}"))
    redis.call("CLUSTER", "ADDSLOTSRANGE", 0, slot - 1, slot + 1, 16383)
    wait_until_not_ready(service, "CLUSTERDOWN")
    redis.config_set("cluster-require-full-coverage", "no")
    service.wait_ready()
    missing = "1 of 64 partitions are not served: no Redis is known to have partition 0"
    wait_until(lambda: missing in service.get("/health").body.decode(), what="the partition that is missing to be told")
    redis.call("CLUSTER", "ADDSLOTS", slot)
    wait_until(lambda: service.get("/health").json()["status"] == "ok", what="all partitions to be served")


# --- what was well at the start and is looked at again


def test_a_policy_that_is_changed_while_serving_is_noticed(parts):
    redis = parts.redis()
    service = parts.service(redis)
    redis.config_set("maxmemory-policy", "allkeys-lru")
    wait_until_not_ready(service, "maxmemory-policy")
    redis.config_set("maxmemory-policy", "noeviction")
    service.wait_ready()


def test_a_layout_that_is_changed_while_serving_is_noticed(parts):
    redis = parts.redis()
    service = parts.service(redis)
    meta = redis.call("GET", "tally:meta")
    redis.call("SET", "tally:meta", "something else")
    wait_until_not_ready(service, "tally:meta")
    redis.call("SET", "tally:meta", meta)
    service.wait_ready()


def test_a_redis_that_is_emptied_while_serving_is_another_store(parts, resource):
    redis = parts.redis()
    service = parts.service(redis)
    gateway = parts.gateway(service)
    before = redis.call("GET", "tally:store")
    assert increment(gateway, resource).json()["value"] == 1
    redis.call("FLUSHALL")
    wait_until(lambda: redis.call("GET", "tally:store") not in (None, before), 10, "a new store id")
    service.wait_ready()
    gateway.wait_ready()
    assert increment(gateway, resource).json()["value"] == 1


def test_something_that_is_no_store_id_is_told(parts):
    redis = parts.redis()
    redis.call("SET", "tally:store", "mine")
    service = parts.service(redis, wait=False)
    wait_until_not_ready(service, "tally:store")
    redis.call("DEL", "tally:store")
    service.wait_ready()


def test_a_redis_still_loading_is_waited_for(parts, resource):
    """DEBUG-free: a Redis that is stopped answers nothing at all, which must look the same."""
    redis = parts.redis()
    redis.pause()
    service = parts.service(redis, wait=False)
    wait_until(lambda: service.get("/health").status == 503)
    redis.resume()
    service.wait_ready()
    assert read(parts.gateway(service), resource) == 0


def test_counters_outlive_all_processes(parts, resource):
    redis = parts.redis()
    service = parts.service(redis)
    gateway = parts.gateway(service)
    assert increment(gateway, resource, key="k", increment=41).json()["value"] == 41
    for process in (gateway, service):
        process.stop()
    redis.kill()
    for process in (redis, service, gateway):
        process.start()
    assert increment(gateway, resource, key="k", increment=41).header("idempotent-replayed") == "true"
    assert increment(gateway, resource).json()["value"] == 42


# --- a Redis that refuses writes


@pytest.mark.parametrize(
    ("key", "refusing", "well", "words"),
    [("maxmemory", "1", "0", "OOM"), ("min-replicas-to-write", "1", "0", "NOREPLICAS")],
)
def test_reads_live_while_writes_are_refused(parts, resource, key, refusing, well, words):
    redis = parts.redis()
    service = parts.service(redis)
    gateway = parts.gateway(service)
    assert increment(gateway, resource).json()["value"] == 1
    redis.config_set(key, refusing)
    for _ in range(30):  # more than would open a breaker
        response = increment(gateway, resource)
        check_problem(response, 503, "not_applied")
        assert response.json()["type"].endswith("/store-refuses-writes"), response
        check_retry_after(response)
        assert read(gateway, resource) == 1
    health = service.get("/health")
    assert (health.status, health.json()["status"]) == (200, "degraded")
    assert words in health.json()["components"]["redis"]["detail"]
    assert gateway.get("/health/ready").status == 200
    health = gateway.get("/health")
    assert (health.status, health.json()["status"]) == (200, "degraded")
    assert "refuses writes" in health.json()["components"]["counter_service"]["detail"]
    with redis.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: service.get("/health").json()["status"] == "degraded", 10, "the service to be back")
    gateway.wait_ready()
    wait_until(lambda: gateway.get(f"/api/v1/counter/{resource}").status == 200, 10, "reads after a reconnect")
    assert read(gateway, resource) == 1
    redis.config_set(key, well)
    wait_until(lambda: service.get("/health").json()["status"] == "ok", 10, "the end of the refusal to be noticed")
    wait_until(lambda: increment(gateway, resource).status == 200, 10, "writes again")
