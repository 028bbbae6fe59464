"""Tally on a real Redis Cluster: the same answers, from many nodes."""

import time
import uuid

import pytest

from harness.calls import counter_path, increment, increment_batch, item, read, read_batch
from harness.daemons import PATIENT_ATTEMPTS, Gateway, Service
from harness.ports import free_port
from harness.problems import check_problem
from harness.proxy import Proxy
from harness.redis_cluster import PATIENT_NODES, RedisCluster
from harness.redis_server import RedisServer
from harness.rights import readme_rule
from harness.spread import PARTITIONS, Spread
from harness.stack import Stack
from harness.stubs import CounterServiceStub, pb
from harness.wait import wait_until

pytestmark = pytest.mark.timeout(120)

MANY = 300


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(redis_kind=RedisCluster, redis=PATIENT_NODES, gateway=PATIENT_ATTEMPTS)


@pytest.fixture
def names():
    """Resources that nobody else uses, in all partitions."""
    name = uuid.uuid4().hex[:8]
    return [f"{name}-{number}" for number in range(MANY)]


@pytest.fixture
def start_service(tmp_path):
    """Starts services on their own; they need not be ready. They end with the test."""
    services = []

    def start(address, wait=True, **settings):
        services.append(Service(tmp_path, address, name=f"service-{len(services) + 1}", **settings))
        services[-1].start(wait)
        return services[-1]

    yield start
    for service in services:
        service.stop()
        service.close()


def keys_of(stack, names):
    """{key: node} of the counters."""
    found = {}
    for node in stack.redis.masters():
        for key in node.call("KEYS", f"tally:{{p*}}:c:{names[0].partition('-')[0]}-*"):
            found[key.decode()] = node
    return found


def counted(stack, names):
    """Those of a batch that are, one increment each; of the others it is known that they are not."""
    response = increment_batch(stack.gateway, [item(name) for name in names])
    if response.status != 200:
        return set()
    results = response.json()["results"]
    assert {result["error"]["outcome"] for result in results if "error" in result} <= {"not_applied"}
    return {name for name, result in zip(names, results, strict=True) if "error" not in result}


def reason(service):
    """Why it is not ready, as its /health tells."""
    return str(service.get("/health").json())


def wait_reason(service, piece, timeout=20):
    wait_until(lambda: service.get("/health").status == 503 and piece in reason(service), timeout, f"{piece!r} told")


# ---- the answers ----


def test_single_increments_and_reads(stack, names):
    for number, name in enumerate(names[:50]):
        assert increment(stack.gateway, name, increment=number + 1).json()["value"] == number + 1
        assert increment(stack.gateway, name, "view").json()["value"] == 1
    for number, name in enumerate(names[:50]):
        assert read(stack.gateway, name) == number + 1
        assert stack.gateway.get(counter_path(name)).json()["counters"] == {"like": number + 1, "view": 1}


def test_a_batch_over_all_partitions_is_answered_in_its_order(stack, names):
    items = [item(name, increment=number + 1) for number, name in enumerate(names)]
    for times in (1, 2):
        results = increment_batch(stack.gateway, items).json()["results"]
        assert [result["value"] for result in results] == [times * (number + 1) for number in range(MANY)]
        assert [result["resource_id"] for result in results] == names
    queries = [item(name) for name in reversed(names)]
    results = read_batch(stack.gateway, queries).json()["results"]
    assert [result["value"] for result in results] == [2 * (number + 1) for number in reversed(range(MANY))]


def test_one_counter_many_times_in_a_batch(stack, names):
    items = [item(names[0]), item(names[1])] * 40
    results = increment_batch(stack.gateway, items).json()["results"]
    assert [result["value"] for result in results] == [number // 2 + 1 for number in range(80)]


def test_keys_count_once(stack, names):
    assert increment(stack.gateway, names[0], key="once").json()["value"] == 1
    assert increment(stack.gateway, names[0], key="once").json()["value"] == 1
    items = [item(name, idempotency_key="batch") for name in names]
    for _ in range(2):
        results = increment_batch(stack.gateway, items).json()["results"]
        assert [result["value"] for result in results] == [2] + [1] * (MANY - 1)
    assert [read(stack.gateway, name) for name in names[:5]] == [2, 1, 1, 1, 1]


def test_a_batch_of_a_session_counts_once_in_each_partition(stack, names):
    items = [pb.IncrementRequest(resource_id=name, counter_type="like", delta=1) for name in names]
    with stack.service.channel() as channel:
        stub = CounterServiceStub(channel)
        session = stub.OpenSession(pb.OpenSessionRequest(), timeout=5).session
        first = pb.SessionIncrementRequest(session=session, lane=0, sequence=1, items=items)
        for _ in range(3):
            results = stub.SessionIncrement(first, timeout=5).results
            assert [result.value for result in results] == [1] * MANY
        second = pb.SessionIncrementRequest(session=session, lane=0, sequence=2, items=items[:10])
        for _ in range(2):
            results = stub.SessionIncrement(second, timeout=5).results
            assert [result.value for result in results] == [2] * 10
        third = pb.SessionIncrementRequest(session=session, lane=0, sequence=3, items=items)
        results = stub.SessionIncrement(third, timeout=5).results
        assert [result.value for result in results] == [3] * 10 + [2] * (MANY - 10)
    assert read(stack.gateway, names[0]) == 3


def test_a_batch_with_a_wrong_item_counts_the_others(stack, names):
    items = [item(name) for name in names[:20]] + [item(names[20], "Not a type")]
    results = increment_batch(stack.gateway, items).json()["results"]
    assert [result["value"] for result in results[:20]] == [1] * 20
    assert results[20]["error"]["status"] == 400


# ---- where it is ----


def test_the_counters_are_on_all_nodes(stack, names):
    increment_batch(stack.gateway, [item(name) for name in names])
    keys = keys_of(stack, names)
    assert len(keys) == MANY
    assert set(keys.values()) == set(stack.redis.masters())
    numbers = {int(key.partition("{p")[2].partition("}")[0]) for key in keys}
    assert numbers <= set(range(PARTITIONS)) and len(numbers) > PARTITIONS * 0.9


def test_another_service_finds_the_same(stack, names, start_service):
    increment(stack.gateway, names[0], increment=7)
    other = start_service(stack.redis.address, REDIS_MODE="cluster", REDIS_PARTITIONS=PARTITIONS)
    with other.channel() as channel:
        reply = CounterServiceStub(channel).Get(pb.GetRequest(resource_id=names[0], counter_type="like"), timeout=5)
    assert reply.value == 7


def test_one_seed_is_enough_and_a_dead_one_does_no_harm(stack, names, start_service):
    increment_batch(stack.gateway, [item(name) for name in names])
    replica = stack.redis.replicas_of(stack.redis.masters()[0])[0]
    for address in (stack.redis.nodes[0].address, f"127.0.0.1:{free_port()},{replica.address}"):
        service = start_service(address)
        with service.channel() as channel:
            stub = CounterServiceStub(channel)
            for name in names[:20]:
                assert stub.Get(pb.GetRequest(resource_id=name, counter_type="like"), timeout=5).value == 1


def test_another_number_of_partitions_than_the_data_have_is_refused(stack, start_service):
    service = start_service(stack.redis.address, wait=False, REDIS_PARTITIONS=16)
    wait_reason(service, "partitions")
    assert "16" in reason(service) and str(PARTITIONS) in reason(service)


def test_one_redis_is_no_cluster(tmp_path, start_service, start_kind):
    redis = start_kind(RedisServer)
    service = start_service(redis.address, wait=False, REDIS_MODE="cluster")
    wait_reason(service, "luster")


def test_a_cluster_is_not_one_redis(stack, start_service):
    service = start_service(stack.redis.address, wait=False, REDIS_MODE="single")
    wait_reason(service, "luster")


def test_a_single_redis_that_became_a_node_is_told_and_left_alone(stack, start_kind, start_service):
    """In mode auto: it was looked at once. The last node has all slots, and nothing else."""
    single = start_kind(RedisServer)
    alone = start_kind(RedisServer, cluster_enabled="yes", cluster_port=free_port())
    alone.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_until(lambda: b"cluster_state:ok" in alone.call("CLUSTER", "INFO"), what="the node to be well")
    proxy = Proxy(single.port)
    service = start_service(proxy.address)
    for node in [*stack.redis.masters(), alone]:
        proxy.lead_to(node.port)
        wait_reason(service, "is a node of a Redis Cluster by now")
        proxy.lead_to(single.port)
        service.wait_ready()
    assert alone.call("DBSIZE") == 0
    proxy.close()


def test_a_redis_that_is_not_reached_at_the_start_may_be_a_node(stack, start_service):
    gone = free_port()
    proxy = Proxy(gone)
    service = start_service(proxy.address, wait=False)
    wait_until(lambda: service.get("/health").status == 503, what="the service to say that it is not ready")
    proxy.lead_to(stack.redis.nodes[0].port)
    service.wait_ready()
    service.wait_for_log("the cluster's nodes")
    proxy.close()


def a_node_of_another_cluster(start_kind, port):
    """It takes its cluster for newer than any."""
    node = start_kind(RedisServer, name="foreign", port=port, cluster_enabled="yes", cluster_port=free_port())
    node.call("CLUSTER", "SET-CONFIG-EPOCH", 1000)
    node.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_until(lambda: b"cluster_state:ok" in node.call("CLUSTER", "INFO"), what="the other cluster to be well")
    return node


def a_redis_that_is_no_node(start_kind, port):
    return start_kind(RedisServer, name="foreign", port=port)


@pytest.mark.parametrize("home", [b"tally:meta", b"tally:store"])
@pytest.mark.parametrize(
    ("make", "why"),
    [(a_node_of_another_cluster, "it is of another one"), (a_redis_that_is_no_node, "no node of a Redis Cluster")],
)
def test_a_foreign_redis_at_the_address_of_a_node_gets_nothing(start_stack, start_kind, names, make, why, home):
    """The node has a key of the data as a whole. The one with tally:store is also that which is asked where all is: the
    first seed."""
    settings = {"replicas": 0, "cluster_require_full_coverage": "no"}
    rankings = {"RANKINGS": "[{counter_type: like, windows: [all]}]"}  # and so somebody who follows the events
    stack = start_stack(redis_kind=RedisCluster, redis=settings, service=rankings, gateway=PATIENT_ATTEMPTS)
    victim = stack.redis.owner(home)
    assert (victim is stack.redis.nodes[0]) == (home == b"tally:store")
    assert increment_batch(stack.gateway, [item(name) for name in names]).status == 200
    lost = {key.partition(":c:")[2].partition(":")[0] for key, node in keys_of(stack, names).items() if node is victim}
    assert 0 < len(lost) < MANY
    victim.kill()
    foreign = make(start_kind, victim.port)
    wait_until(lambda: why in str(stack.service.get("/health").json()), 30, f"{why!r} told")
    end = time.monotonic() + 8  # the service looks at the keys of the data as a whole each 5 s
    while time.monotonic() < end:
        assert counted(stack, names) == set(names) - lost
        check_problem(increment(stack.gateway, min(lost)), 503, "not_applied")
        assert foreign.call("DBSIZE") == 0
    foreign.kill()
    victim.start()
    stack.redis.wait_ok()
    wait_until(lambda: counted(stack, names) == set(names), 30, "all to be counted again")


def test_another_cluster_at_the_address_of_a_node_is_not_taken_for_it(start_stack, start_kind, names):
    """All nodes are gone, so nobody else is asked where all is."""
    stack = start_stack(redis_kind=RedisCluster, redis={"replicas": 0})
    assert increment_batch(stack.gateway, [item(name) for name in names]).status == 200
    foreign = a_node_of_another_cluster(start_kind, free_port())
    stack.redis.kill()
    proxy = Proxy(foreign.port, port=stack.redis.nodes[1].port)
    wait_until(lambda: "it is of another one" in stack.service.log(), 30, "it to be told")
    end = time.monotonic() + 12  # a cluster that is down, or older than it was, is believed after 10 s
    while time.monotonic() < end:
        check_problem(increment(stack.gateway, names[0]), 503, "not_applied")
        assert foreign.call("DBSIZE") == 0
    proxy.close()
    stack.redis.start()
    stack.wait_ready()
    wait_until(lambda: stack.service.get("/health").json()["status"] == "ok", what="all partitions to be served")
    assert [read(stack.gateway, name) for name in names[:20]] == [1] * 20


def test_nodes_on_one_port_of_which_one_has_a_name(start_kind, start_service, tmp_path, names):
    """The others are "?" in CLUSTER SLOTS, with their IP beside it."""
    port = free_port()
    nodes = []
    for number in range(1, 4):
        settings = {"cluster_announce_hostname": "localhost"} if number == 1 else {}
        settings |= {"cluster_preferred_endpoint_type": "hostname", "cluster_announce_ip": f"127.0.0.{number}"}
        settings |= {"cluster_enabled": "yes", "cluster_port": free_port()}
        host = settings["cluster_announce_ip"]
        node = start_kind(RedisServer, name=f"redis-{number}", host=host, port=port, **settings)
        node.call("CLUSTER", "SET-CONFIG-EPOCH", number)
        node.call("CLUSTER", "ADDSLOTSRANGE", (number - 1) * 5461, 16383 if number == 3 else number * 5461 - 1)
        for other in nodes:
            node.call("CLUSTER", "MEET", other.host, port, other.bus_port)
        node.bus_port = settings["cluster_port"]
        nodes.append(node)

    def is_well(node):
        hosts = sorted(master[0] for _, _, master in node.call("CLUSTER", "SLOTS"))
        return b"cluster_state:ok" in node.call("CLUSTER", "INFO") and hosts == [b"?", b"?", b"localhost"]

    wait_until(lambda: all(is_well(node) for node in nodes), what="the cluster to be well")
    for seed in nodes:
        service = start_service(seed.address, wait=False)
        wait_until(lambda service=service: service.get("/health").json()["status"] == "ok", what="it to serve all")
        gateway = Gateway(tmp_path, service.address, name=f"gateway-{seed.host}")
        gateway.start()
        results = increment_batch(gateway, [item(name) for name in names]).json()["results"]
        assert [result["value"] for result in results] == [nodes.index(seed) + 1] * MANY
        gateway.stop()
        gateway.close()
    assert all(node.call("DBSIZE") > MANY // 4 for node in nodes)


def test_nodes_that_are_replaced_one_by_one_stay_the_same_cluster(own_stack, names):
    stack = own_stack
    assert counted(stack, names) == set(names)
    for node in list(stack.redis.nodes):
        successor = stack.redis.add_master()
        stack.redis.move_slots(node, successor, sorted(stack.redis.slots()[node]))
        wait_until(lambda node=node: node not in stack.redis.slots(), what="all to know it")
        stack.redis.remove_master(node)
    wait_until(lambda: stack.service.get("/health").json()["status"] == "ok", what="all partitions to be served")
    assert [read(stack.gateway, name) for name in names[:20]] == [1] * 20
    assert counted(stack, names) == set(names)


def test_a_node_comes_back_at_another_address(own_stack, names):
    stack = own_stack
    assert counted(stack, names) == set(names)
    victim = stack.redis.masters()[1]
    victim.kill()
    victim.port = free_port()
    victim.argv[victim.argv.index("--port") + 1] = str(victim.port)
    victim.start()
    stack.redis.wait_ok()
    wait_until(lambda: stack.service.get("/health").json()["status"] == "ok", what="all partitions to be served")
    assert [read(stack.gateway, name) for name in names[:20]] == [1] * 20
    assert counted(stack, names) == set(names)


def test_a_user_that_may_not_see_how_the_cluster_is_is_warned_of_once(stack, names, start_service):
    rule = [word for word in readme_rule("s3cret") if word != "+cluster|info"]
    for node in stack.redis.nodes:
        node.call("ACL", "SETUSER", "blind", *rule, "+asking")
    service = start_service(stack.redis.address, REDIS_USERNAME="blind", REDIS_PASSWORD="s3cret")
    time.sleep(3)  # looks follow
    told = [line for line in service.log().splitlines() if '"unchecked":' in line]
    assert len(told) == 1 and "(CLUSTER INFO)" in told[0], service.log_tail()


@pytest.mark.parametrize("partitions", [1, 4])
def test_one_redis_may_have_partitions(start_stack, names, partitions):
    stack = start_stack(service={"REDIS_PARTITIONS": partitions})
    for _ in range(2):
        results = increment_batch(stack.gateway, [item(name, idempotency_key="k") for name in names]).json()["results"]
        assert [result["value"] for result in results] == [1] * MANY
    found = {key.decode().partition("}")[0] for key in stack.redis.call("KEYS", "tally:{p*}:c:*")}
    assert found == {f"tally:{{p{number}" for number in range(partitions)}


def test_one_partition_on_a_cluster_works_with_a_warning(start_stack, names):
    stack = start_stack(redis_kind=RedisCluster, redis={"replicas": 0}, service={"REDIS_PARTITIONS": 1})
    results = increment_batch(stack.gateway, [item(name) for name in names]).json()["results"]
    assert [result["value"] for result in results] == [1] * MANY
    assert set(keys_of(stack, names).values()) == {stack.redis.owner("tally:{p0}:events")}
    warnings = [line for line in stack.service.log().splitlines() if '"level":"warn"' in line]
    assert any("redis.partitions" in line for line in warnings), stack.service.log_tail()


def test_the_programs_compare_and_rank_over_all_partitions(start_kind, kafka):
    stack = start_kind(Spread, redis_kind=RedisCluster, redis=PATIENT_NODES, kafka=kafka, services=1)
    items = [item(f"r{number}", "hit", increment=number % 50 + 1) for number in range(1000)]
    assert increment_batch(stack.gateway, items).status == 200
    code, lines, errors = stack.run_verify()
    assert (code, errors) == (0, ""), lines
    assert lines[1:] == ["1000 events, 0 repetitions, 1000 counters", "equal"]
    code, lines, errors = stack.run_verify("--rankings")
    assert (code, lines[-1:], errors) == (0, ["equal"], "")
    code, lines, errors = stack.run_verify("--rebuild-rankings")
    assert (code, lines[-1:], errors) == (0, ["rebuilt"], "")
    assert stack.run_verify("--rankings")[0] == 0


# ---- when it is not well ----


@pytest.fixture
def own_stack(start_stack):
    return start_stack(redis_kind=RedisCluster, redis={"replicas": 0}, gateway=PATIENT_ATTEMPTS)


def test_no_node_is_there(own_stack, names):
    stack = own_stack
    increment(stack.gateway, names[0])
    stack.redis.kill()
    wait_until(lambda: stack.service.get("/health").status == 503, what="the service to notice")
    wait_until(lambda: not stack.gateway.is_ready(), what="the gateway to notice")
    check_problem(increment(stack.gateway, names[0]), 503, "not_applied")
    stack.redis.start()
    stack.wait_ready()
    assert increment(stack.gateway, names[0]).json()["value"] == 2


def test_slots_that_nobody_serves(own_stack, names):
    """Of a cluster as it is by itself, which then serves none at all."""
    stack = own_stack
    increment_batch(stack.gateway, [item(name) for name in names])
    other, _, victim = stack.redis.masters()
    victim.kill()
    wait_until(lambda: other.state() == "fail", what="the cluster to notice")
    wait_until(lambda: stack.service.get("/health").status == 503, what="the service to notice")
    wait_until(lambda: not stack.gateway.is_ready(), what="the gateway to notice")
    check_problem(increment(stack.gateway, names[0]), 503, "not_applied")
    victim.start()
    stack.redis.wait_ok()
    stack.wait_ready()
    wait_until(lambda: stack.service.get("/health").json()["status"] == "ok", what="all partitions to be served")
    results = increment_batch(stack.gateway, [item(name) for name in names]).json()["results"]
    assert [result["value"] for result in results] == [2] * MANY


def test_slots_that_nobody_serves_are_the_only_ones_missing(start_stack, names):
    """Of one that is told to serve the others."""
    settings = {"replicas": 0, "cluster_require_full_coverage": "no"}
    stack = start_stack(redis_kind=RedisCluster, redis=settings, gateway=PATIENT_ATTEMPTS)
    increment_batch(stack.gateway, [item(name) for name in names])
    victim = stack.redis.masters()[1]
    missing = {key.partition(":c:")[2] for key, node in keys_of(stack, names).items() if node is victim}
    victim.kill()
    wait_until(lambda: victim not in stack.redis.masters(), what="the others to notice")

    wait_until(lambda: counted(stack, names) == set(names) - missing, 20, "all but those to be counted")
    # A gateway that begins now gets no session, which is of all partitions: it reads, and counts when all are back.
    late = stack.extra_gateway()
    found = next(name for name in names if name not in missing)
    before = read(late, found)
    check_problem(increment(late, found), 503, "not_applied")
    assert read(late, found) == before
    victim.start()
    stack.redis.wait_ok()
    stack.wait_ready()
    wait_until(lambda: counted(stack, names) == set(names), what="all to be counted again")
    wait_until(lambda: increment(late, found).status == 200, what="the late gateway to count")


def test_the_stack_of_a_cluster_leaves_nothing(tmp_path):
    stack = Stack(tmp_path, redis_kind=RedisCluster, redis={"replicas": 0})
    stack.start()
    stack.close()
    assert not stack.redis.is_running
