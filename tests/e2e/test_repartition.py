"""counter-verify --repartition: counters, keys and rankings are the same before and after, whoever runs meanwhile."""

import re
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from redis.crc import key_slot

from harness.calls import increment, increment_batch, item
from harness.daemons import environment
from harness.law import ACKNOWLEDGED, check
from harness.load import Load
from harness.paths import CONFIG, program
from harness.ranked import entries_of, ordered, top
from harness.redis_cluster import RedisCluster
from harness.redis_server import RedisServer
from harness.rights import readme_repartition_rights, readme_rule
from harness.stack import Stack
from harness.wait import wait_until

pytestmark = pytest.mark.timeout(180)

DONE, DIFFERENT, FAILED = 0, 1, 2
MANY = 300
RANKINGS = "[{counter_type: like, windows: [day, all], cache_ttl: 0s}]"
FULL = 20000
STORE = "9f86d081884c7d659a2feaa0c55ad015"


def begin(stack, *args):
    names = ("REDIS_", "KAFKA_", "RANKINGS")
    settings = {name: value for name, value in stack.service.settings.items() if name.startswith(names)}
    argv = [program("counter-verify"), "--config", CONFIG, *map(str, args)]
    return subprocess.Popen(
        argv, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(stack, *args):
    """The exit code, stdout's lines and stderr."""
    process = begin(stack, *args)
    out, errors = process.communicate(timeout=120)
    return process.returncode, out.splitlines(), errors


def repartition(stack, partitions, *args):
    code, lines, errors = run(stack, "--repartition", partitions, *args)
    assert (code, errors) == (DONE, ""), (lines, errors)
    return lines


def stop_service(stack):
    stack.service.terminate()
    stack.service.wait_stopped()


def names_of(count=MANY):
    name = uuid.uuid4().hex[:8]
    return [f"{name}-{number}" for number in range(count)]


def fill(stack, names):
    """Counters, each with a key."""
    items = [item(name, increment=number + 1, idempotency_key="once") for number, name in enumerate(names)]
    results = increment_batch(stack.gateway, items).json()["results"]
    assert [result["value"] for result in results] == [number + 1 for number in range(len(names))]


def check_same(stack, names):
    """Every value is the same, and a key that was used is known."""
    for number, name in enumerate(names[:20]):
        assert increment(stack.gateway, name, key="once", increment=number + 1).json()["value"] == number + 1
    values = stack.values([(name, "like") for name in names])
    assert list(values.values()) == [number + 1 for number in range(len(names))]


def check_ranked(stack, names, window="all"):
    wanted = ordered({name: number + 1 for number, name in enumerate(names)})

    def is_back():
        answer = top(stack.gateway, "like", f"window={window}&limit=1000")
        return answer["complete"] and entries_of(answer) == wanted

    wait_until(is_back, 60, "the ranking to be back")


def reason(service):
    """Why it is not ready, as its /health tells."""
    return str(service.get("/health").json())


def wait_reason(service, piece, timeout=20):
    wait_until(lambda: service.get("/health").status == 503 and piece in reason(service), timeout, f"{piece!r} told")


@pytest.fixture
def start(tmp_path):
    """Starts a stack of the test's own."""
    stacks = []

    def start_stack(**settings):
        stacks.append(Stack(tmp_path, **settings))
        stacks[-1].start()
        return stacks[-1]

    yield start_stack
    for stack in stacks:
        stack.close()


def test_in_place_and_back(start):
    stack = start(service={"RANKINGS": RANKINGS})
    names = names_of()
    fill(stack, names)
    check_ranked(stack, names)
    for partitions in (8, 1):
        stop_service(stack)
        lines = repartition(stack, partitions)
        assert lines[-1] == f"done: {partitions} partition{'s' if partitions > 1 else ''}"
        stack.service.start()
        stack.wait_ready()
        check_same(stack, names)
        check_ranked(stack, names)


def test_events_go_on_behind_the_old_ones(start, kafka):
    topic = f"events-{uuid.uuid4().hex[:8]}"
    stack = start(service={"RANKINGS": RANKINGS, "KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic})
    names = names_of()
    wait_until(lambda: topic in kafka.topics(), what="the topic")
    fill(stack, names)
    assert run(stack)[::2] == (DONE, "")
    check_ranked(stack, names, "day")
    stop_service(stack)
    repartition(stack, 8)
    stack.service.start()
    stack.wait_ready()
    check_same(stack, names)
    code, lines, errors = run(stack)
    assert (code, lines[-1:], errors) == (DONE, ["equal"], ""), lines
    increment_batch(stack.gateway, [item(name, "view", increment=3) for name in names])
    code, lines, errors = run(stack)
    assert (code, lines[-1:], errors) == (DONE, ["equal"], ""), lines
    assert f"{2 * MANY} events" in lines[1]
    # A window that had begun lacks what was before, and says so.
    check_ranked(stack, names)
    answer = top(stack.gateway, "like", "window=day")
    assert (answer["complete"], "since" in answer, answer["entries"]) == (False, True, [])
    code, lines, errors = run(stack, "--rankings")
    assert (code, lines[-1:], errors) == (DONE, ["equal"], ""), lines


def test_a_service_that_runs_is_kept_out_and_says_why(start):
    """And what was answered under load is what is there in the end."""
    stack = start()
    names = names_of(50)
    fill(stack, names)
    with Load(stack.load_port, connections=20) as load:
        time.sleep(1)
        stack.redis.call("SET", "tally:{p0}:lease:kafka", "nobody", "PX", "60000")  # holds the run up
        process = begin(stack, "--repartition", 8)
        wait_reason(stack.service, "being repartitioned, from 1 to 8")
        assert increment(stack.gateway, names[0]).status == 503
        stack.redis.call("DEL", "tally:{p0}:lease:kafka")
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (DONE, ""), out
        wait_reason(stack.service, "it must be started again, with redis.partitions 0 or 8")
        stop_service(stack)
        stack.service.start()
        stack.wait_ready()
        time.sleep(1)
        ledger = load.stop()
    check(ledger, stack.values(ledger.counters()))
    assert ledger.total(ACKNOWLEDGED) > 0
    check_same(stack, names)


def test_a_run_that_is_killed_is_gone_on_with(start):
    stack = start()
    names = names_of()
    fill(stack, names)
    stop_service(stack)
    for partitions in (8, 64):
        for _ in range(6):
            process = begin(stack, "--repartition", partitions)
            time.sleep(0.01)
            process.kill()
            process.communicate(timeout=20)
        repartition(stack, partitions)
    stack.service.start()
    stack.wait_ready()
    check_same(stack, names)


def test_an_interrupt_before_anything_was_moved_lets_the_services_go_on(start):
    stack = start()
    names = names_of(20)
    fill(stack, names)
    stack.redis.call("SET", "tally:{p0}:lease:kafka", "nobody", "PX", "60000")
    process = begin(stack, "--repartition", 8)
    wait_reason(stack.service, "being repartitioned")
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (FAILED, "counter-verify: interrupted\n")
    assert "nothing was moved, and the services go on" in out
    stack.wait_ready()
    check_same(stack, names)


def test_from_one_redis_to_a_cluster(start, tmp_path):
    stack = start(service={"RANKINGS": RANKINGS})
    names = names_of()
    fill(stack, names)
    cluster = RedisCluster(tmp_path, replicas=0)
    cluster.start()
    moved = None
    try:
        stop_service(stack)
        lines = repartition(stack, 64, "--to", cluster.address)
        assert lines[-1] == f"done: 64 partitions; set redis.addr to {cluster.address}"
        stack.service.start(wait=False)
        wait_reason(stack.service, "were moved to another Redis")
        settings = {"RANKINGS": RANKINGS, "REDIS_ADDR": cluster.address}
        moved = Stack(tmp_path, redis_kind=lambda *_args, **_settings: cluster, service=settings)
        moved.service.name, moved.gateway.name = "moved-service", "moved-gateway"
        moved.service.start()
        moved.gateway.start()
        check_same(moved, names)
        check_ranked(moved, names)
        # On the cluster itself, with runs that are killed.
        stop_service(moved)
        for partitions in (16, 100):
            for pause in (0.02, 0.04, 0.08):
                process = begin(moved, "--repartition", partitions)
                time.sleep(pause)
                process.kill()
                process.communicate(timeout=20)
            repartition(moved, partitions)
        moved.service.start()
        moved.wait_ready()
        check_same(moved, names)
        check_ranked(moved, names)
    finally:
        (moved or cluster).close()


def test_a_service_of_a_cluster_is_kept_out_until_it_is_started_again(start):
    stack = start(redis_kind=RedisCluster, redis={"replicas": 0})
    names = names_of()
    fill(stack, names)
    stack.redis.call("SET", "tally:{p0}:lease:kafka", "nobody", "PX", "60000")
    process = begin(stack, "--repartition", 16)
    wait_reason(stack.service, "being repartitioned, from 64 to 16")
    stack.redis.call("DEL", "tally:{p0}:lease:kafka")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (DONE, ""), out
    wait_reason(stack.service, "it must be started again")
    stop_service(stack)
    stack.service.start()
    stack.wait_ready()
    check_same(stack, names)


# ---- a Redis Cluster that loses what it has acknowledged ----


@pytest.fixture
def start_full(tmp_path):
    """Starts a Redis Cluster with many counters, all of them in one partition; no service runs yet."""
    stacks = []

    def start_cluster(**settings):
        stack = Stack(tmp_path, redis_kind=RedisCluster, redis=settings)
        stacks.append(stack)
        stack.redis.start()
        meta = {"tally:meta": "layout=1 partitions=1", "tally:store": STORE, "tally:{p0}:store": f"{STORE}/1"}
        for key, value in meta.items():
            stack.redis.call("SET", key, value)
        names = names_of(FULL)
        with stack.redis.owner("tally:{p0}:store").client() as client:
            pipeline = client.pipeline(transaction=False)
            for number, name in enumerate(names):
                pipeline.execute_command("HSET", f"tally:{{p0}}:c:{name}", "like", number + 1)
            pipeline.execute()
        return stack, names

    yield start_cluster
    for stack in stacks:
        stack.close()


def target_of(stack):
    """A master that gets counters, and has nothing before."""
    taken = [stack.redis.owner(key) for key in ("tally:meta", "tally:store", "tally:{p0}:store")]
    return next(master for master in stack.redis.masters() if master not in taken)


def wait_copies(target):
    with target.client() as client:
        wait_until(lambda: client.dbsize() > 100, 60, "the first copies", interval=0.001)


def wait_failed(process):
    """It has ended before all was copied."""
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, "records copied" in out) == (FAILED, False), (out, errors)


def stop_replica(stack, target):
    """The replica stands still, and nothing of what follows is on its way to it either."""
    [replica] = stack.redis.replicas_of(target)
    replica.pause()
    target.call("CLIENT", "KILL", "TYPE", "replica")
    return replica


def take_over(stack, replica):
    """It has the slots of its master, which is dead, whatever it lacks."""
    replica.resume()
    wait_until(lambda: replica.role() == "slave", what="the replica to answer")
    replica.call("CLUSTER", "FAILOVER", "TAKEOVER")
    wait_until(lambda: replica in stack.redis.slots(), what="the replica to have the slots")
    stack.redis.wait_ok()


def check_full(stack, names):
    stack.service.start()
    stack.gateway.start()
    values = stack.values([(name, "like") for name in names])
    assert list(values.values()) == list(range(1, FULL + 1))


def test_a_target_that_loses_copies_by_a_failover_gets_them_again(start_full):
    stack, names = start_full()
    target = target_of(stack)
    process = begin(stack, "--repartition", 64)
    wait_copies(target)
    replica = stop_replica(stack, target)
    time.sleep(0.05)  # for some copies that it has not got
    target.kill()
    wait_failed(process)
    take_over(stack, replica)
    repartition(stack, 64)
    # What it was told last may be lost too: it is told again.
    mark = f"layout=1 repartition=64 from=1 store={STORE} how=place phase=check resources=0 counters=0 check={0:016x}"
    for key in ("tally:store", "tally:{p2}:store"):
        stack.redis.call("SET", key, mark)
    assert repartition(stack, 64)[-1] == "done before: 64 partitions"
    check_full(stack, names)


def tell_move(stack, lines, partitions, *keys):
    """What a run has told that was ended when it had counted; by its lines."""
    [check_sum] = re.findall(f"{FULL} counters of {FULL} resources, check ([0-9a-f]+);", "\n".join(lines))
    mark = f"layout=1 repartition={partitions} from=1 store={STORE} how=place phase=move resources={FULL}"
    for key in ("tally:meta", "tally:store", *keys):
        stack.redis.call("SET", key, f"{mark} counters={FULL} check={check_sum}")


def test_nothing_is_moved_where_a_replica_does_not_follow(start_full):
    stack, names = start_full()
    target = target_of(stack)
    replica = stop_replica(stack, target)
    code, lines, errors = run(stack, "--repartition", 64)
    assert (code, lines[-1]) == (FAILED, "nothing was moved, and the services go on"), lines
    assert f"{target.address}: 0 of 1 replica has what was written" in errors
    assert stack.redis.call("GET", "tally:meta") == b"layout=1 partitions=1"
    tell_move(stack, lines, 64, "tally:{p0}:store")
    code, lines, errors = run(stack, "--repartition", 64)
    assert (code, "so far" in str(lines), "records copied" in str(lines)) == (FAILED, False, False), lines
    assert f"{target.address}: 0 of 1 replica has what was written" in errors
    target.kill()
    take_over(stack, replica)
    repartition(stack, 64)
    check_full(stack, names)


def test_nothing_is_deleted_where_a_replica_stands_still_since_the_copies_began(start_full):
    stack, names = start_full()
    target = target_of(stack)
    process = begin(stack, "--repartition", 64)
    wait_copies(target)
    replica = stop_replica(stack, target)
    out, errors = process.communicate(timeout=100)
    assert (process.returncode, "the same counters are in their new partitions" in out) == (FAILED, True), out
    assert f"{target.address}: 0 of 1 replica has what was written" in errors
    target.kill()
    take_over(stack, replica)
    repartition(stack, 64)
    check_full(stack, names)


def test_a_run_that_goes_on_waits_where_it_has_nothing_to_write_but_tally_meta(start_full):
    stack, names = start_full()
    [home] = {stack.redis.owner(key) for key in ("tally:meta", "tally:{p0}:store", "tally:{p1}:store")}
    alone = target_of(stack)
    stack.redis.move_slots(home, alone, [key_slot(b"tally:meta")])
    stack.redis.wait_ok()
    assert stack.redis.owner("tally:meta") is alone
    replica = stop_replica(stack, alone)
    code, lines, errors = run(stack, "--repartition", 2)
    assert (code, lines[-1]) == (FAILED, "nothing was moved, and the services go on"), (lines, errors)
    tell_move(stack, lines, 2, "tally:{p0}:store", "tally:{p1}:store")
    code, lines, errors = run(stack, "--repartition", 2)
    assert (code, "resources and" in str(lines)) == (FAILED, False), lines
    assert f"{alone.address}: 0 of 1 replica has what was written" in errors
    replica.resume()
    repartition(stack, 2)
    check_full(stack, names)


def test_services_that_a_run_let_in_again_in_part_are_counted(start_full):
    """A master that cannot save refuses to be told so, after others were."""
    stack, names = start_full(replicas=0, appendonly="no")
    target = target_of(stack)
    blocked = Path(target.call("CONFIG", "GET", "dir")[b"dir"].decode()) / "dump.rdb" / "in the way"
    blocked.mkdir(parents=True)
    target.call("CONFIG", "SET", "save", "3600 1")
    code, lines, errors = run(stack, "--repartition", 64)
    assert (code, "could not save its data" in errors) == (FAILED, True), (lines, errors)
    assert "not all services can go on: run the same again" in lines[-1] and "MISCONF" in lines[-1]
    assert b" phase=check " in stack.redis.call("GET", "tally:meta")
    assert stack.redis.call("GET", "tally:{p0}:store") == f"{STORE}/1".encode()
    stack.redis.call("HSET", f"tally:{{p0}}:c:{names[0]}", "view", 5)  # as a service that runs on there
    blocked.rmdir()
    blocked.parent.rmdir()
    target.call("BGSAVE")
    wait_until(lambda: target.call("INFO", "persistence")["rdb_last_bgsave_status"] == "ok", what="the file")
    lines = repartition(stack, 64)
    assert f"{FULL + 1} counters of {FULL} resources" in str(lines)
    check_full(stack, names)
    assert list(stack.values([(names[0], "view")]).values()) == [5]


def test_a_foreign_redis_at_the_address_of_a_node_gets_nothing_of_it(start_full, tmp_path):
    stack, names = start_full(replicas=0, cluster_require_full_coverage="no")
    victim = target_of(stack)
    stack.service.settings["REDIS_ADDR"] = stack.redis.owner("tally:meta").address
    victim.kill()
    foreign = RedisServer(tmp_path, name="foreign", port=victim.port)
    try:
        foreign.start()
        code, lines, errors = run(stack, "--repartition", 64)
        assert (code, lines, foreign.call("DBSIZE")) == (FAILED, [], 0)
        assert f"Redis at {victim.address}: " in errors and "is no node of a Redis Cluster" in errors
        assert stack.redis.call("GET", "tally:meta") == b"layout=1 partitions=1"
    finally:
        foreign.close()
    victim.start()
    stack.redis.wait_ok()
    repartition(stack, 64)
    check_full(stack, names)


def test_a_target_that_keeps_nothing_and_is_killed_gets_the_copies_again(start_full):
    stack, names = start_full(replicas=0, appendonly="no")
    target = target_of(stack)
    process = begin(stack, "--repartition", 64)
    wait_copies(target)
    target.kill()
    wait_failed(process)
    target.start()
    stack.redis.wait_ok()
    assert target.call("DBSIZE") == 0
    repartition(stack, 64)
    check_full(stack, names)


def test_what_was_moved_is_in_the_file_of_a_target_that_writes_one_now_and_then(start_full):
    stack, names = start_full(replicas=0, appendonly="no", save="3600 1")
    target = target_of(stack)
    repartition(stack, 64)
    target.kill()
    target.start()
    stack.redis.wait_ok()
    check_full(stack, names)


def test_what_a_cluster_does_not_let_be_checked_is_told(start_full):
    """And with the rights that README names all of it is checked."""
    stack, names = start_full(appendonly="no", save="3600 1")
    stack.redis.call("SET", "tally:{p0}:c:damaged", "no hash")
    rights = readme_rule("secret") + readme_repartition_rights()
    stack.service.settings |= {"REDIS_USERNAME": "tally", "REDIS_PASSWORD": "secret"}
    stack.redis.call_each("ACL", "SETUSER", "tally", *rights)
    assert not [line for line in repartition(stack, 64) if "could not be checked" in line]
    taken = [("WAIT", "BGSAVE"), ("CONFIG GET save",), ("INFO", "CLUSTER NODES")]
    words = [("-wait", "-bgsave"), ("-config|get",), ("-info", "-cluster|nodes")]
    for partitions, commands, refused in zip((16, 8, 1), taken, words, strict=True):
        stack.redis.call_each("ACL", "SETUSER", "tally", *refused)
        lines = "\n".join(repartition(stack, partitions))
        for command in commands:
            assert f"refuses {command}: it could not be checked that" in lines
    assert stack.redis.call("GET", "tally:{p0}:c:damaged") == b"no hash"
    check_full(stack, names)
