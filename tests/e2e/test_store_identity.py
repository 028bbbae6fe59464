"""Two stacks on one Consul agent never mix their stores: a gateway answers from one, and says whom it leaves out."""

import contextlib
import time
import uuid

import pytest

from harness.calls import counter_path, increment
from harness.consul_agent import ConsulAgent
from harness.daemons import Gateway, Service
from harness.exposition import calls_answered, scrape
from harness.law import ACKNOWLEDGED, check
from harness.load import Load
from harness.problems import check_problem, check_retry_after
from harness.redis_server import RedisServer
from harness.stack import Stack
from harness.wait import wait_until

# Longer than a service needs to notice, and a gateway to follow.
FOLLOW_SECONDS = 10
ANSWERS = 60


class Side(Stack):
    """One stack of those that share an agent: Redis, services, and a gateway that starts from the first of them."""

    def __init__(self, directory, consul, name, services=2, **settings):
        self.directory = directory
        self.consul = consul
        self.name = name
        self._settings = {"CONSUL_ADDRESS": consul.address, "CONSUL_HEALTH_INTERVAL": "1s"} | settings
        self.redis = RedisServer(directory, name=f"{name}-redis")
        self.services = []
        for _ in range(services):
            self.add_service()
        self.gateway = Gateway(
            directory, self.services[0].address, name=f"{name}-gateway", DRAIN_DELAY="100ms", **self._settings
        )

    def add_service(self, **settings):
        """Another one, to be started."""
        name = f"{self.name}-service-{len(self.services) + 1}"
        settings = {"DRAIN_DELAY": "100ms"} | self._settings | settings
        self.services.append(Service(self.directory, self.redis.address, name=name, **settings))
        return self.services[-1]

    def start(self):
        for process in (self.redis, *self.services, self.gateway):
            process.start()

    def replace_redis(self):
        """By an empty one at the same address."""
        port = self.redis.port
        self.redis.close()
        self.redis = RedisServer(self.directory, name=f"{self.name}-new-redis", port=port)
        self.redis.port = port
        self.redis.start()

    def groups(self):
        return [[self.gateway], self.services, [self.redis]]

    def addresses(self):
        return sorted(service.address for service in self.services if service.is_running)

    def store(self):
        """Its id, as Redis holds it."""
        return self.redis.call("GET", "tally:store").decode()

    def wait_taking_calls(self, addresses=None):
        """Until these of its services, or all that run, are the ones that its gateway calls."""
        wanted = self.addresses() if addresses is None else sorted(addresses)
        wait_until(lambda: taking_calls(self.gateway) == wanted, what=f"{self.gateway.name} to call {wanted}")


def taking_calls(gateway):
    return sorted(target for target, one in gateway.instances().items() if one["status"] == "ok")


def component(gateway):
    return gateway.health()["components"]["counter_service"]


def strangers(gateway):
    return sorted(target for target, one in gateway.instances().items() if one["status"] == "other_store")


@pytest.fixture
def start_sides(tmp_path):
    """Starts an agent and stacks on it, each by its name and its settings."""
    with contextlib.ExitStack() as ends:

        def start(*sides, **common):
            consul = ConsulAgent(tmp_path)
            ends.callback(consul.close)
            consul.start()
            made = []
            for name, settings in sides:
                made.append(Side(tmp_path, consul, name, **(common | settings)))
                ends.callback(made[-1].close)
                made[-1].start()
            return made

        yield start


@pytest.fixture
def pair(start_sides):
    """Two stacks whose gateways see the services of both."""
    left, right = start_sides(("left", {}), ("right", {}))
    everybody = sorted(left.addresses() + right.addresses())
    for side in (left, right):
        wait_until(lambda side=side: sorted(side.gateway.instances()) == everybody, what="everybody to be seen")
        side.wait_taking_calls()
    return left, right


def count(gateway, resource, key=None, **fields):
    """Increments once, however long that takes: a shared machine may stand still. Returns the value."""
    key = key or uuid.uuid4().hex
    return answered(lambda: increment(gateway, resource, key=key, **fields))


def read(gateway, resource):
    return answered(lambda: gateway.get(counter_path(resource, "like")))


def answered(call):
    return wait_until(lambda: (response := call()).status == 200 and response).json()["value"]


def check_all_answers(gateway, resource, value):
    """Over more calls than there are instances, connections and turns."""
    assert {read(gateway, resource) for _ in range(ANSWERS)} == {value}


def test_every_answer_is_from_one_store(pair, resource):
    left, right = pair
    for side, value in ((left, 20), (right, 30)):
        for _ in range(value):
            count(side.gateway, resource)
    for side, value in ((left, 20), (right, 30)):
        check_all_answers(side.gateway, resource, value)
        for _ in range(ANSWERS):
            assert count(side.gateway, f"{resource}-keyed", key="once") == 1
        check_all_answers(side.gateway, f"{resource}-keyed", 1)


def test_under_load_the_count_is_exact_and_the_other_stack_is_not_called(pair):
    left, right = pair
    for service in right.services:
        assert calls_answered(service) == 0
    with Load(left.load_port) as load:
        time.sleep(1.5)
        ledger = load.stop()
    check(ledger, left.values(ledger.counters()))
    assert ledger.total(ACKNOWLEDGED) > 0
    for service in left.services:
        assert calls_answered(service) > 0
    for service in right.services:
        assert calls_answered(service) == 0


def test_health_log_and_metric_say_who_is_of_another_store(pair):
    for side, other in (pair, pair[::-1]):
        others = sorted(service.address for service in other.services)
        wait_until(lambda side=side, others=others: strangers(side.gateway) == others, what="both to be known")
        response = side.gateway.get("/health")
        assert (response.status, response.json()["status"]) == (200, "degraded")
        assert side.gateway.is_ready()
        told = component(side.gateway)
        assert (told["status"], told["store"]) == ("degraded", side.store())
        assert told["detail"].startswith("2 instances are of another store: ")
        for service in other.services:
            assert service.address in told["detail"]
            instance = side.gateway.instances()[service.address]
            assert (instance["status"], instance["store"], instance["serving"]) == ("other_store", other.store(), True)
        for service in side.services:
            assert service.address not in told["detail"]
            assert side.gateway.instances()[service.address]["store"] == side.store()
            assert service.get("/health").json()["components"]["redis"]["store_id"] == side.store()
        assert scrape(side.gateway).sum("tally_other_store_instances") == 2
        wait_until(lambda side=side: side.gateway.log().count("counter-service is of another store") >= 2)
        assert side.gateway.log().count("the store is that of the first instance") == 1
        for service in side.services:
            identity = f"counter-service-127.0.0.1-{service.port}"
            wait_until(
                lambda side=side, identity=identity: side.consul.services()[identity]["Meta"].get("store_id")
                == side.store()
            )
    assert pair[0].store() != pair[1].store()


def test_a_right_one_joins_and_right_ones_die_one_after_the_other(pair, resource):
    left, right = pair
    for _ in range(3):
        count(right.gateway, resource)
    count(left.gateway, resource)
    third = left.add_service()
    third.start()
    left.wait_taking_calls()
    first, second = left.services[:2]
    first.kill()
    left.wait_taking_calls()
    check_all_answers(left.gateway, resource, 1)
    assert count(left.gateway, resource) == 2

    second.kill()
    third.kill()
    wait_until(lambda: not left.gateway.is_ready())
    end = time.monotonic() + 3  # longer than Consul takes to leave them out
    while time.monotonic() < end:
        response = increment(left.gateway, resource)
        check_problem(response, 503, "not_applied")
        check_retry_after(response)
        check_problem(left.gateway.get(f"/api/v1/counter/{resource}/like"), 503, None)
    told = component(left.gateway)
    assert (told["status"], told["store"]) == ("unavailable", left.store())
    assert "2 instances are of another store: " in told["detail"] and "restart" in told["detail"]

    second.start()
    left.wait_taking_calls()
    check_all_answers(left.gateway, resource, 2)
    check_all_answers(right.gateway, resource, 3)
    third.start()
    left.wait_taking_calls()
    assert strangers(left.gateway) == right.addresses()


def test_a_gateway_that_starts_anew_chooses_by_its_static_host(pair, resource):
    left, right = pair
    count(left.gateway, resource)
    for _ in range(3):
        left.gateway.stop()
        left.gateway.start()
        left.wait_taking_calls()
        check_all_answers(left.gateway, resource, 1)
        wait_until(lambda: strangers(left.gateway) == right.addresses())


def test_a_redis_that_is_emptied_is_followed(pair, resource):
    left, right = pair
    for side in pair:
        for _ in range(5):
            count(side.gateway, resource)
    before = left.store()
    left.redis.call("FLUSHALL")
    emptied = time.monotonic()
    wait_until(lambda: component(left.gateway)["store"] not in (None, before), FOLLOW_SECONDS)
    left.wait_taking_calls()
    print(f"followed after {time.monotonic() - emptied:.2f} s")
    assert component(left.gateway)["store"] == left.store()
    assert read(left.gateway, resource) == 0
    assert count(left.gateway, resource) == 1
    check_all_answers(left.gateway, resource, 1)
    check_all_answers(right.gateway, resource, 5)
    assert strangers(left.gateway) == right.addresses()
    left.gateway.wait_for_log("the store was replaced under its instances")
    for service in left.services:
        assert service.get("/health").json()["components"]["redis"]["store_id"] == left.store()
        identity = f"counter-service-127.0.0.1-{service.port}"
        wait_until(lambda identity=identity: left.consul.services()[identity]["Meta"]["store_id"] == left.store())


def test_a_redis_that_is_replaced_by_an_empty_one_is_followed(start_sides, resource):
    (side,) = start_sides(("alone", {}))
    side.wait_taking_calls()
    count(side.gateway, resource, increment=7)
    before = side.store()
    side.redis.kill()
    wait_until(lambda: not side.gateway.is_ready())
    side.replace_redis()
    side.wait_taking_calls()
    assert side.store() not in (None, before)
    assert count(side.gateway, resource) == 1
    wait_until(lambda: side.gateway.health()["status"] == "ok")


def test_a_service_on_another_database_is_left_out(start_sides, resource):
    (side,) = start_sides(("alone", {"services": 1}))
    wrong = side.add_service(REDIS_DB=1)
    wrong.start()
    wait_until(lambda: strangers(side.gateway) == [wrong.address])
    for value in range(1, ANSWERS):
        assert count(side.gateway, resource) == value
    check_all_answers(side.gateway, resource, ANSWERS - 1)
    assert calls_answered(wrong) == 0
    assert component(side.gateway)["detail"] == f"1 instance is of another store: {wrong.address}"
    # Mended, it is one of them.
    wrong.stop()
    wait_until(lambda: list(side.gateway.instances()) == [side.services[0].address])
    right = side.add_service()
    right.start()
    side.wait_taking_calls()
    wait_until(lambda: side.gateway.health()["status"] == "ok")
    assert "detail" not in component(side.gateway)


def test_names_of_their_own_keep_stacks_apart(start_sides, resource):
    names = ("counters-left", "counters-2")
    left, right = start_sides(("left", {"CONSUL_SERVICE": names[0]}), ("right", {"CONSUL_SERVICE": names[1]}))
    for side, name in ((left, names[0]), (right, names[1])):
        wait_until(lambda side=side, name=name: side.consul.passing(name) == side.addresses())
        side.wait_taking_calls()
        wait_until(lambda side=side: side.gateway.health()["status"] == "ok")
        assert sorted(side.gateway.instances()) == side.addresses()
        assert scrape(side.gateway).sum("tally_other_store_instances") == 0
        assert count(side.gateway, resource) == 1
    assert left.consul.passing("counter-service") == []
