"""A real Redis Cluster on loopback, made by redis-cli. Not cluster.py, which is services and gateways."""

import contextlib
import subprocess
import threading
import time
from dataclasses import dataclass

import redis
from redis.crc import key_slot

from harness.authority import Authority, service_tls
from harness.ports import free_port
from harness.redis_node import RedisNode
from harness.wait import wait_until

SLOTS = 16384
_CREATE_SECONDS = 60

# Settings of a RedisCluster whose nodes do not die in a test: none is taken to be dead because the machine stood still.
PATIENT_NODES = {"node_timeout_ms": 15_000}

# Keys of a slot are in two places no longer than this, however many there are and however slow the machine is: writes
# to them wait meanwhile, and a client of harness/load.py gives up at last.
_SPLIT_SECONDS = 5
_MANY_KEYS = 1000  # at a time, after that


@dataclass(frozen=True)
class Member:
    """A line of CLUSTER NODES."""

    id: str
    port: int
    flags: frozenset
    master_id: str  # "-": it is a master
    slots: frozenset

    @property
    def is_master(self):
        return "master" in self.flags

    @property
    def is_well(self):
        return not self.flags & {"fail", "fail?", "handshake", "noaddr"}


def _slots_of(words):
    slots = set()
    for word in words:
        if word.startswith("["):
            continue  # one that is moving
        first, _, last = word.partition("-")
        slots.update(range(int(first), int(last or first) + 1))
    return frozenset(slots)


def _member_of(line):
    identity, address, flags, master_id, *_ = line.split(" ")
    port = int(address.partition("@")[0].rpartition(":")[2])
    return Member(identity, port, frozenset(flags.split(",")), master_id, _slots_of(line.split(" ")[8:]))


class ClusterNode(RedisNode):
    """timeout_ms: how long others wait for it."""

    def __init__(self, directory, name, timeout_ms, **settings):
        cluster = {
            "cluster_enabled": "yes",
            "cluster_port": free_port(),
            "cluster_config_file": "nodes.conf",
            "cluster_node_timeout": timeout_ms,
            "cluster_replica_validity_factor": 0,
            "cluster_allow_replica_migration": "no",
        }
        if settings.get("authority"):
            cluster |= {"tls_cluster": "yes", "tls_replication": "yes"}
        super().__init__(directory, name, **cluster | settings)

    @property
    def id(self):
        return self.call("CLUSTER", "MYID").decode()

    def members(self):
        """All nodes, as this one sees them."""
        return [_member_of(line) for line in self.call("CLUSTER", "NODES").decode().splitlines()]

    def state(self):
        """"ok", "fail"; None: it does not answer."""
        try:
            info = self.call("CLUSTER", "INFO").decode()
        except redis.RedisError:
            return None
        return dict(line.split(":") for line in info.split())["cluster_state"]


class RedisCluster:
    """A stack takes it in place of a RedisServer. Roles and slots are asked for, never remembered. Settings are those
    of RedisServer, of each node. tls: nothing is plain, between the nodes neither."""

    def __init__(self, directory, masters=3, replicas=3, node_timeout_ms=1500, tls=False, **settings):
        self._directory = directory
        self._authority = Authority(directory) if tls else None
        self.service_settings = service_tls(self._authority)  # that a counter-service needs beside the address
        self._node_timeout_ms = node_timeout_ms
        self._settings = settings
        self._shape = (masters, replicas)
        self.nodes = []
        self._ending = []
        for _ in range(masters + replicas):
            self._add()

    def _add(self):
        name = f"redis-{len(self.nodes) + 1}"
        settings = {"authority": self._authority, **self._settings}
        self.nodes.append(ClusterNode(self._directory, name, self._node_timeout_ms, **settings))
        return self.nodes[-1]

    # ---- as a process ----

    def start(self, wait=True):
        """Makes it; later starts all of its nodes again."""
        is_new = not any(node.stdout_path.exists() for node in self.nodes)
        for node in self.nodes:
            node.start()
        if is_new:
            masters, replicas = self._shape
            addresses = [node.address for node in self.nodes]
            self._cli("create", *addresses, "--cluster-replicas", replicas // masters, "--cluster-yes")
        if wait or is_new:
            self.wait_ok()

    @property
    def is_running(self):
        return any(node.is_running for node in self.nodes)

    def _running(self):
        return [node for node in self.nodes if node.is_running]

    def kill(self):
        """All at once."""
        for node in self._running():
            node.kill()

    def terminate(self):
        self._ending = self._running()
        for node in self._ending:
            node.resume()
            node.terminate()

    def wait_stopped(self, timeout=20):
        """After terminate, of those that ran then: some have ended meanwhile."""
        for node in self._ending:
            node.wait_stopped(timeout)

    def close(self):
        for node in self.nodes:
            node.close()

    def _cli(self, command, *arguments):
        tls = ["--tls", "--cacert", self._authority.path] if self._authority else []
        argv = ["redis-cli", *tls, "--cluster", command, *(str(argument) for argument in arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_CREATE_SECONDS * 5, check=False)
        assert done.returncode == 0 and "[ERR]" not in done.stdout, done.stdout[-2000:] + done.stderr
        return done.stdout

    # ---- who is who ----

    @property
    def address(self):
        """The seeds, as redis.addr takes them from the environment."""
        return ",".join(node.address for node in self.nodes)

    def node_at(self, port):
        return next(node for node in self.nodes if node.port == port)

    def _someone(self):
        """A node that answers."""
        for node in self._running():
            if node.state() is not None:
                return node
        raise AssertionError("no node of the cluster answers")

    def members(self):
        return self._someone().members()

    def slots(self):
        """{master: its slots} of those that have any and are not failing, as the first node that answers has it."""
        found = [member for member in self.members() if member.is_master and member.is_well and member.slots]
        return {self.node_at(member.port): member.slots for member in found}

    def masters(self):
        return sorted(self.slots(), key=lambda node: node.port)

    def replicas_of(self, master):
        members = self.members()
        identity = next(member.id for member in members if member.port == master.port)
        followers = [member for member in members if member.master_id == identity and member.is_well]
        return [self.node_at(member.port) for member in followers]

    def owner(self, key):
        """The master that has the key's slot."""
        slot = key_slot(key.encode() if isinstance(key, str) else key)
        return next(node for node, slots in self.slots().items() if slot in slots)

    def call(self, *command):
        """One command at whoever has its key, which is its first argument."""
        end = time.monotonic() + 20
        while True:
            try:
                return self.owner(command[1]).call(*command)
            except redis.ResponseError as error:
                if not isinstance(error, (redis.exceptions.MovedError, redis.exceptions.AskError)):
                    raise
                assert time.monotonic() < end, f"{command}: {error}"

    def call_each(self, *command):
        """One command at every node that runs, as FLUSHALL at one of them: {node: answer}."""
        return {node: node.call(*command) for node in self._running()}

    def keys(self, pattern):
        """Of all masters."""
        return [key.decode() for master in self.masters() for key in master.call("KEYS", pattern)]

    # ---- when it is well ----

    def is_ok(self):
        """Every node that runs says so, and all of them have the same table, with nobody failing that runs."""
        running = self._running()
        if any(node.state() != "ok" for node in running):
            return False
        ports = {node.port for node in running}
        tables = set()
        for node in running:
            members = [member for member in node.members() if member.port in ports]
            if len(members) != len(ports) or not all(member.is_well for member in members):
                return False
            tables.add(frozenset((member.port, member.is_master, member.slots) for member in members))
        return len(tables) == 1

    def wait_ok(self, timeout=_CREATE_SECONDS):
        """Also until each replica has what its master has."""
        wait_until(self.is_ok, timeout, "the Redis Cluster to be well", interval=0.1)
        for node in self._running():
            if node.role() == "slave":
                node.wait_linked(timeout)

    # ---- failover ----

    def _wait_promoted(self, replicas, timeout=30):
        def promoted():
            return next((node for node in replicas if node.role() == "master"), None)

        return wait_until(promoted, timeout, "a replica to become master")

    def fail_over(self, master):
        """Without a loss: a replica takes the slots when it has all. Returns the new master."""
        replica = self.replicas_of(master)[0]
        replica.wait_linked()
        replica.call("CLUSTER", "FAILOVER")
        self._wait_promoted([replica])
        wait_until(lambda: master.role() == "slave", what=f"{master.name} to follow")
        self.wait_ok()
        return replica

    def kill_master(self, master, restart=True):
        """What its replicas have not got is lost. Returns the new master; the old one comes back as its replica."""
        replicas = self.replicas_of(master)
        master.kill()
        promoted = self._wait_promoted(replicas)
        self._wait_served_by(promoted)
        if restart:
            master.start()
            wait_until(lambda: master.role() == "slave", what=f"{master.name} to come back as a replica")
            self.wait_ok()
        return promoted

    def _wait_served_by(self, node):
        wait_until(lambda: all(one.state() == "ok" for one in self._running()), 30, "the slots to be covered")
        wait_until(lambda: node in self.slots(), 30, f"{node.name} to have the slots")

    def pause_for(self, node, seconds):
        node.pause()
        time.sleep(seconds)
        node.resume()

    # ---- moving slots ----

    def move_slots(self, source, target, slots, keys_at_once=10, pause=0):
        """As redis-cli does it, but many slots at a time: those without keys at once, and those with keys one after the
        other, so many keys at a time, pause seconds between: meanwhile their keys are in two places."""
        with source.client() as giver, target.client() as taker:
            ids = [source.id, target.id]
            counts = _pipelined(giver, [("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots])
            empty = [slot for slot, count in zip(slots, counts, strict=True) if count == 0]
            full = [slot for slot, count in zip(slots, counts, strict=True) if count != 0]
            for first in range(0, len(empty), 1000):
                self._move(giver, taker, ids, empty[first : first + 1000], target, keys_at_once, pause)
            for slot in full:
                self._move(giver, taker, ids, [slot], target, keys_at_once, pause)

    def _move(self, giver, taker, ids, slots, target, keys_at_once, pause):
        source_id, target_id = ids
        _pipelined(taker, [("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id) for slot in slots])
        _pipelined(giver, [("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id) for slot in slots])
        for slot in slots:
            self._move_keys(giver, slot, target, keys_at_once, pause)
        for client in (taker, giver):
            _pipelined(client, [("CLUSTER", "SETSLOT", slot, "NODE", target_id) for slot in slots])

    @staticmethod
    def _move_keys(giver, slot, target, keys_at_once, pause):
        end = time.monotonic() + _SPLIT_SECONDS
        while True:
            if time.monotonic() > end:
                keys_at_once, pause = _MANY_KEYS, 0
            keys = giver.execute_command("CLUSTER", "GETKEYSINSLOT", slot, keys_at_once)
            if not keys:
                return
            giver.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            time.sleep(pause)

    def reshard_all(self, keys_at_once=10, pause=0):
        """Every slot goes to the next master, once round."""
        before = self.slots()
        masters = sorted(before, key=lambda node: node.port)
        for place, source in enumerate(masters):
            target = masters[(place + 1) % len(masters)]
            self.move_slots(source, target, sorted(before[source]), keys_at_once, pause)
        self.wait_ok()

    def reshard_full(self, keys_at_once=1, pause=0.002, slots_max=None):
        """The slots that have keys go to the next master, key by key: they are in two places for long. slots_max: of
        each master at most."""
        before = self.slots()
        masters = sorted(before, key=lambda node: node.port)
        for place, source in enumerate(masters):
            with source.client() as client:
                slots = sorted(before[source])
                counts = _pipelined(client, [("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots])
            full = [slot for slot, count in zip(slots, counts, strict=True) if count != 0][:slots_max]
            self.move_slots(source, masters[(place + 1) % len(masters)], full, keys_at_once, pause)
        self.wait_ok()

    def reshard_by_cli(self, source, target, slots):
        """So many slots, by redis-cli."""
        options = ["--cluster-from", source.id, "--cluster-to", target.id, "--cluster-slots", slots, "--cluster-yes"]
        self._cli("reshard", source.address, *options, "--cluster-pipeline", _MANY_KEYS)
        self.wait_ok()

    # ---- its size ----

    def add_master(self):
        """A node more, which has no slots yet."""
        node = self._add()
        node.start()
        known = self._someone()
        self._cli("add-node", node.address, known.address)
        wait_until(lambda: all(len(one.members()) == len(self.nodes) for one in self._running()), 30, "all to know it")
        self.wait_ok()
        return node

    def remove_master(self, node):
        """Its slots go to the others before."""
        others = [one for one in self.masters() if one is not node]
        slots = sorted(self.slots().get(node, ()))
        for place, target in enumerate(others):
            self.move_slots(node, target, slots[place :: len(others)])
        self._cli("del-node", others[0].address, node.id)
        if node.is_running:
            node.terminate()
            node.wait()
        self.nodes.remove(node)
        node.close()
        self.wait_ok()


def _pipelined(client, commands):
    """The answers. A refusal is raised."""
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return pipeline.execute()


@contextlib.contextmanager
def in_background(function):
    """Calls it again and again in a thread, until the block ends; what it raises is raised there."""
    stopping = threading.Event()
    failures = []

    def run():
        try:
            while not stopping.is_set():
                function()
        except Exception as error:  # must reach the test
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(120)
    assert not thread.is_alive(), "it does not end"
    if failures:
        raise failures[0]
