"""Events on a real Kafka: what is one, what it says, and what happens when Kafka does not take it."""

import subprocess
import sys
import uuid

import pytest

from harness.calls import INCREMENT, increment_batch, item
from harness.calls import increment as post_increment
from harness.daemons import Service
from harness.events import check_chain, events_health, first_occurrences, wait_published
from harness.exposition import scrape
from harness.kafka_broker import USER, kafka_jars
from harness.paths import ROOT
from harness.ports import free_port
from harness.problems import check_problem
from harness.process import Process
from harness.stubs import CounterServiceStub, pb
from harness.wait import wait_until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def topic():
    return f"events-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def start(kafka, topic, start_stack):
    """A stack whose events go to the topic; settings are the service's."""

    def started(**settings):
        return start_stack(service={"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic, **settings})

    return started


def increment(stack, resource_id, counter_type="like", key=None, **fields):
    """Returns the value."""
    response = post_increment(stack.gateway, resource_id, counter_type, key, **fields)
    assert response.status == 200, response
    return response.json()["value"]


def published(kafka, topic, stack):
    wait_published(stack.redis)
    return first_occurrences(kafka.read_topic(topic))


def wait_detail(service, *pieces):
    def is_told():
        health = events_health(service)
        detail = health.get("detail", "")
        return health["status"] == "degraded" and all(piece in detail for piece in pieces) and detail

    return wait_until(is_told, 40, what=f"health to say {pieces}")


# ---- what is an event ----


@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_each_applied_increment_is_one_event_and_nothing_else_is(kafka, topic, start, form):
    stack = start(KAFKA_FORMAT=form)
    increment(stack, "a", user_id='Zoë "Z"')
    increment(stack, "a", increment=-7)
    increment(stack, "b:ü", "view", key="k", increment=2**53 - 1)
    increment(stack, "b:ü", "view", key="k", increment=2**53 - 1)  # a replay
    increment(stack, "b:ü", "view", increment=2)
    for bad in ({"resource_id": "a"}, {"resource_id": "a", "counter_type": "like", "increment": 0}):
        check_problem(stack.gateway.post(INCREMENT, bad), 400, "not_applied")
    items = [
        {"resource_id": "a", "counter_type": "like", "increment": 3},
        {"resource_id": "a", "counter_type": "Like"},
        {"resource_id": "b:ü", "counter_type": "view", "idempotency_key": "k", "increment": 2**53 - 1},
        {"resource_id": "c", "counter_type": "like", "user_id": "bob"},
    ]
    assert increment_batch(stack.gateway, items).status == 200
    events = published(kafka, topic, stack)
    told = sorted((event.resource_id, event.user_id, event.delta, event.value) for event in events)
    assert told == [
        ("a", "", -7, -6),
        ("a", "", 3, -3),
        ("a", 'Zoë "Z"', 1, 1),
        ("b:ü", "", 2, 2**53 + 1),
        ("b:ü", "", 2**53 - 1, 2**53 - 1),
        ("c", "bob", 1, 1),
    ]
    check_chain(events)


def test_increments_over_grpc_are_events_too(kafka, topic, start):
    stack = start()
    with stack.service.channel() as channel:
        stub = CounterServiceStub(channel)
        stub.Increment(pb.IncrementRequest(resource_id="a", counter_type="like", user_id="u", delta=2**63 - 1))
        items = [pb.IncrementRequest(resource_id="a", counter_type="like", delta=delta) for delta in (1, -5)]
        assert [result.code for result in stub.BatchIncrement(pb.BatchIncrementRequest(items=items)).results] == [11, 0]
    events = published(kafka, topic, stack)
    assert [(event.delta, event.value) for event in events] == [(2**63 - 1, 2**63 - 1), (-5, 2**63 - 6)]


@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_the_consumers_of_the_documentation_print_each_event_once(kafka, topic, start, form, tmp_path):
    stack = start(KAFKA_FORMAT=form)
    for number in range(5):
        increment(stack, f"r{number % 2}")
    wait_published(stack.redis)
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/proto", f"--python_out={tmp_path}"]
    subprocess.run([*protoc, "tally/v1/event.proto"], check=True, timeout=30)
    consumer = [sys.executable, ROOT / "deploy" / "examples" / f"consume_{form}.py", kafka.address, topic, "8"]
    ended = subprocess.run(
        consumer, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=True
    )
    lines = [line.split(" ")[1:] for line in ended.stdout.splitlines()]
    assert sorted(lines) == sorted([f"r{n % 2}", "like", "1", str(n // 2 + 1)] for n in range(5))


# ---- the topic ----


def test_a_topic_that_is_missing_is_created_as_configured(kafka, topic, start):
    stack = start(KAFKA_PARTITIONS=3, KAFKA_REPLICATION=1)
    increment(stack, "a")
    assert len(published(kafka, topic, stack)) == 1
    assert kafka.topics()[topic] == 3


def test_a_topic_that_cannot_be_created_is_told_and_counting_goes_on(kafka, topic, start):
    stack = start(KAFKA_REPLICATION=3)
    assert increment(stack, "a") == 1
    assert topic in wait_detail(stack.service, "kafka.replication")
    assert stack.service.get("/health").status == 200
    assert stack.service.get("/health").json()["status"] == "degraded"
    assert increment(stack, "a") == 2
    kafka.create_topic(topic)
    assert len(published(kafka, topic, stack)) == 2
    assert stack.service.get("/health").json()["status"] == "ok"


def test_a_topic_that_is_deleted_is_made_again(kafka, topic, start):
    """What Kafka took just before it forgot the topic is gone with that; nothing after it is."""
    stack = start()
    increment(stack, "a")
    wait_published(stack.redis)
    kafka.delete_topic(topic)
    wait_until(lambda: increment(stack, "a") and topic in kafka.topics(), 60, interval=0.2)
    last = increment(stack, "a")
    values = [event.value for event in published(kafka, topic, stack)]
    assert values == list(range(values[0], last + 1))


def test_requests_that_are_too_large_for_the_topic_are_made_smaller(kafka, topic, start):
    kafka.create_topic(topic, 2, max_message_bytes=3000)
    stack = start(KAFKA_OPTIONS="compression.type=none,linger.ms=100")
    items = [item(f"r{number % 40}") for number in range(1000)]
    assert increment_batch(stack.gateway, items).status == 200
    events = published(kafka, topic, stack)
    assert len(events) == 1000
    check_chain(events)


def test_an_event_that_is_too_large_for_the_topic_waits_until_it_is_not(kafka, topic, start):
    kafka.create_topic(topic, 1, max_message_bytes=300)
    stack = start()
    for number in range(3):
        assert increment(stack, "a") == number + 1
    wait_detail(stack.service, topic, "large")
    assert increment(stack, "a") == 4
    kafka.set_topic_config(topic, max_message_bytes=1_000_000)
    assert [event.value for event in published(kafka, topic, stack)] == [1, 2, 3, 4]


def test_nothing_overtakes_an_event_that_is_too_large_for_the_topic(kafka, topic, start):
    """The broker does not know the producer, and would take any request of it, also those that are small enough."""
    kafka.create_topic(topic, 1, max_message_bytes=500)
    stack = start(KAFKA_OPTIONS="compression.type=none,linger.ms=0,batch.num.messages=1")
    items = [item("a", user_id="u" * 128)] + [item("a")] * 20
    assert increment_batch(stack.gateway, items).status == 200
    wait_detail(stack.service, topic, "large")
    kafka.set_topic_config(topic, max_message_bytes=1_000_000)
    assert [event.value for event in published(kafka, topic, stack)] == list(range(1, 22))


# ---- Kafka is not there ----


def test_kafka_that_comes_late_gets_everything(start_kafka, start_stack, topic):
    late = start_kafka(name="late")
    late.stop()
    stack = start_stack(service={"KAFKA_BROKERS": late.address, "KAFKA_TOPIC": topic})
    assert increment(stack, "a") == 1
    wait_detail(stack.service, "broker")
    assert stack.service.get("/health").status == 200
    assert stack.gateway.get("/health/ready").status == 200
    assert increment(stack, "a") == 2
    late.start()
    assert [event.value for event in published(late, topic, stack)] == [1, 2]


def test_kafka_that_dies_while_nothing_waits_is_told_and_healed(start_kafka, start_stack, topic):
    kafka = start_kafka(name="idle")
    stack = start_stack(service={"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic})
    increment(stack, "a")
    wait_published(stack.redis)
    kafka.kill()
    wait_detail(stack.service, "broker")
    kafka.start()
    wait_until(lambda: events_health(stack.service)["status"] == "ok", 40)


@pytest.fixture
def without_kafka(start_stack):
    kafka_jars()

    def started(**settings):
        settings = {"KAFKA_BROKERS": f"127.0.0.1:{free_port()}", "EVENTS_OUTBOX_MAX": 1000, **settings}
        return start_stack(service=settings)

    return started


def fill(stack, count):
    """Batches of 100. Returns the responses."""
    items = [item("a")] * 100
    return [increment_batch(stack.gateway, items) for _ in range(count // 100)]


def test_a_full_outbox_drops_the_oldest_and_no_write_notices(without_kafka):
    stack = without_kafka()
    answers = fill(stack, 3000)
    assert all("error" not in result for answer in answers for result in answer.json()["results"])
    assert stack.value("a", "like") == 3000
    wait_until(lambda: scrape(stack.service).sum("tally_events_dropped_total") > 0, what="the drops to be counted")
    assert scrape(stack.service).sum("tally_events_refused_total") == 0


def test_a_full_outbox_refuses_if_it_is_told_to(without_kafka):
    stack = without_kafka(EVENTS_WHEN_FULL="refuse")
    fill(stack, 1000)
    refused = post_increment(stack.gateway, "a")
    problem = check_problem(refused, 503, "not_applied")
    assert "outbox" in problem["detail"] or problem["type"].endswith("store-refuses-writes")
    assert stack.value("a", "like") == 1000
    assert scrape(stack.service).sum("tally_events_refused_total") >= 1
    assert scrape(stack.service).sum("tally_events_dropped_total") == 0


def test_what_a_full_outbox_kept_is_published_and_the_rest_is_counted(start_kafka, start_stack, topic):
    kafka = start_kafka(name="absent")
    kafka.stop()
    settings = {"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": topic, "EVENTS_OUTBOX_MAX": 1000}
    stack = start_stack(service=settings)
    fill(stack, 5000)
    kafka.start()
    events = published(kafka, topic, stack)
    dropped = scrape(stack.service).sum("tally_events_dropped_total")
    assert len(events) + dropped == 5000
    assert events[-1].value == 5000


# ---- who may ----


def test_a_login_by_sasl(start_kafka, start_stack, topic):
    kafka = start_kafka(name="sasl", password="secret-word")
    settings = {"KAFKA_BROKERS": kafka.sasl_address, "KAFKA_TOPIC": topic, "KAFKA_SECURITY": "sasl_plaintext"}
    login = {"KAFKA_MECHANISM": "PLAIN", "KAFKA_USERNAME": USER}
    stack = start_stack(service={**settings, **login, "KAFKA_PASSWORD": "secret-word"})
    increment(stack, "a")
    assert len(published(kafka, topic, stack)) == 1
    wrong = start_stack(service={**settings, **login, "KAFKA_PASSWORD": "another-word"})
    increment(wrong, "a")
    assert "another-word" not in wait_detail(wrong.service, "uthentication")
    assert "another-word" not in wrong.service.log()


def test_brokers_by_tls(start_kafka, start_stack, topic):
    kafka = start_kafka(name="tls", tls=True)
    settings = {"KAFKA_BROKERS": kafka.tls_address, "KAFKA_TOPIC": topic, "KAFKA_SECURITY": "ssl"}
    stack = start_stack(service={**settings, "KAFKA_CA": kafka.ca_path})
    increment(stack, "a")
    assert len(published(kafka, topic, stack)) == 1
    stranger = start_stack(service=settings)
    increment(stranger, "a")
    wait_detail(stranger.service, "certificate")


@pytest.mark.parametrize(
    "settings, piece",
    [
        ({"KAFKA_OPTIONS": "no.such.option=1"}, "no.such.option"),
        ({"KAFKA_OPTIONS": "acks=1"}, "acks"),
        ({"KAFKA_OPTIONS": "linger.ms=long"}, "linger.ms"),
        ({"KAFKA_CA": "/no/such/file.pem", "KAFKA_SECURITY": "ssl"}, "kafka.ca"),
    ],
)
def test_a_setting_that_librdkafka_does_not_take_stops_the_start(tmp_path, settings, piece):
    service = Service(tmp_path, "127.0.0.1:1", KAFKA_BROKERS="127.0.0.1:1", **settings)
    try:
        Process.start(service)
        assert service.wait() == 1
        assert piece in service.log()
    finally:
        service.close()


# ---- the store is another one ----


def test_events_after_a_flush_are_those_of_the_new_store(kafka, topic, start):
    stack = start()
    increment(stack, "a")
    wait_published(stack.redis)
    stack.redis.call("FLUSHALL")
    wait_until(lambda: post_increment(stack.gateway, "b").status == 200, what="the new store")
    events = wait_until(lambda: len(kafka.read_topic(topic)) == 2 and published(kafka, topic, stack), 60)
    stores = [event.event_id.split("-")[0] for event in events]
    store_id = stack.redis.call("GET", "tally:store").decode()
    assert len(set(stores)) == 2
    assert [event.resource_id for event in events if store_id.startswith(event.event_id.split("-")[0])] == ["b"]


# ---- more than one service ----


def test_one_instance_publishes_and_the_next_takes_over(kafka, topic, start):
    stack = start()
    wait_until(lambda: events_health(stack.service)["relay"] == "leads")
    second = Service(
        stack.directory, stack.redis.address, name="second", KAFKA_BROKERS=kafka.address, KAFKA_TOPIC=topic
    )
    try:
        second.start()
        increment(stack, "a")
        wait_published(stack.redis)
        assert events_health(second)["relay"] == "stands by"
        stack.service.terminate()
        stack.service.wait_stopped()
        with second.channel() as channel:
            CounterServiceStub(channel).Increment(pb.IncrementRequest(resource_id="a", counter_type="like", delta=1))
        assert [event.value for event in published(kafka, topic, stack)] == [1, 2]
        assert scrape(second).sum("tally_events_published_total") == 1
    finally:
        second.terminate()
        second.wait_stopped()
        second.close()


def test_an_instance_without_kafka_beside_one_with_it_says_so(kafka, topic, start):
    stack = start()
    wait_until(lambda: events_health(stack.service)["relay"] == "leads")
    odd = Service(stack.directory, stack.redis.address, name="odd")
    try:
        odd.start()
        assert "neither kafka.brokers nor rankings" in wait_detail(odd, "no event")
        odd.wait_for_log("neither kafka.brokers nor rankings")
        assert odd.get("/health").status == 200
    finally:
        odd.terminate()
        odd.wait_stopped()
        odd.close()
