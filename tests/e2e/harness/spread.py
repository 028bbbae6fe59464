"""Services and gateways whose counters are in several partitions: on a Redis Cluster, or at whatever master the
sentinels name. What must hold of all of it after a fault."""

import subprocess
import time
import uuid
from collections import defaultdict

from harness.cluster import Cluster
from harness.daemons import environment
from harness.events import Chain, event_of, wait_published
from harness.paths import CONFIG, program
from harness.ranked import ordered, wait_ranked, whole_order
from harness.wait import wait_until

PARTITIONS = 64  # of a Redis Cluster, if nothing else is configured
RANKINGS = "[{counter_type: hit, windows: [day, all], rolling: [24h], keep: 20000, cache_ttl: 0s}]"
WINDOWS = ("day", "24h", "all")


class Spread(Cluster):
    """redis_kind: RedisCluster or RedisSentinel. With a Kafka: its events go to a topic of their own, and "hit" is
    ranked."""

    def __init__(self, directory, redis_kind, kafka=None, partitions=PARTITIONS, service=None, **settings):
        self.kafka = kafka
        self.partitions = partitions
        self.topic = f"events-{uuid.uuid4().hex[:8]}"
        feeds = {"KAFKA_BROKERS": kafka.address, "KAFKA_TOPIC": self.topic, "RANKINGS": RANKINGS} if kafka else {}
        super().__init__(directory, redis_kind=redis_kind, service=feeds | (service or {}), **settings)

    def wait_ready(self, timeout=40):
        super().wait_ready(timeout)

    def wait_quiet(self, seconds=2):
        """As that of Pair; where nobody follows the outboxes."""
        last = [self._scripts_run(), time.monotonic()]

        def is_quiet():
            run = self._scripts_run()
            if run != last[0]:
                last[:] = run, time.monotonic()
            return time.monotonic() - last[1] > seconds

        wait_until(is_quiet, 60, "the writes to end", interval=0.1)

    def _scripts_run(self):
        def calls(node):
            return node.call("INFO", "commandstats").get("cmdstat_evalsha", {}).get("calls", 0)

        return sum(calls(node) for node in self.redis.nodes if node.is_running)

    def resources_by_node(self, resources):
        """{node: those that it has}, of counters that were incremented."""
        found = defaultdict(list)
        wanted = set(resources)
        for node in self.redis.masters():
            for key in node.call("KEYS", "tally:{p*}:c:*"):
                resource = key.decode().partition(":c:")[2]
                if resource in wanted:
                    found[node].append(resource)
        return found

    # ---- what must hold ----

    def check_all(self, ledger, loses=False):
        """Events and rankings are the counters, which the ledger names. loses: Redis has forgotten some writes, whose
        events may have been published before."""
        values = self.values(ledger.counters())
        self._check_events(values, loses)
        self._check_rankings()
        if not loses:
            self._verify()

    def _check_events(self, values, loses):
        wait_published(self.redis, 120, self.partitions)
        if loses:
            # The whole of an event: the new master may have given the id of a lost one to another.
            sums = defaultdict(int)
            for event in {event_of(message) for message in self.kafka.each_message(self.topic)}:
                sums[event.counter] += event.delta
            late = {counter: sums[counter] - value for counter, value in values.items() if sums[counter] != value}
            print(f"events of writes that Redis has lost: {sum(late.values())}")
            assert all(more > 0 for more in late.values()), late
            return
        chain = Chain()
        for message in self.kafka.each_message(self.topic):
            chain.add(event_of(message))
        print(f"{chain.events} events, {chain.repetitions} repetitions")
        assert chain.sums == chain.values == self.values(chain.values)
        assert {counter for counter, value in values.items() if value} <= set(chain.values)

    def _check_rankings(self):
        wait_ranked(self.gateway, "hit", timeout=120)
        for window in WINDOWS:
            order = whole_order(self.gateway, "hit", window)
            ranked = self.values([(resource, "hit") for resource, _ in order])
            assert order == ordered({resource: value for (resource, _), value in ranked.items()}), window

    def _verify(self):
        for task in ([], ["--rankings"]):
            code, lines, errors = self.run_verify(*task)
            assert (code, lines[-1:], errors) == (0, ["equal"], ""), (task, code, lines, errors)

    def run_verify(self, *args):
        """counter-verify: its exit code, stdout's lines and stderr."""
        settings = self.services[0].settings | {"REDIS_TIMEOUT": "10s"}  # that is not what it is run for
        names = ("KAFKA_BROKERS", "KAFKA_TOPIC", "RANKINGS")
        known = {name: value for name, value in settings.items() if name.startswith("REDIS_") or name in names}
        argv = [program("counter-verify"), "--config", CONFIG, *args]
        done = subprocess.run(argv, env=environment(known), capture_output=True, text=True, timeout=200, check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr
