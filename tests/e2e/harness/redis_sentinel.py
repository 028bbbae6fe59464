"""A master, its replicas, and the sentinels that watch them: all real, on loopback."""

import os

import redis

from harness.authority import Authority, client_tls, service_tls, tls_settings
from harness.ports import free_port
from harness.process import Process
from harness.redis_node import RedisNode
from harness.wait import wait_until

MASTER_NAME = "tally"
_QUORUM = 2


class Sentinel(Process):
    """One of those that watch. redis-server is told to be one: the program of that name is a link to it."""

    def __init__(self, directory, name, master, password, down_after_ms, authority):
        self.port = free_port()
        self.password = password
        self._authority = authority
        path = directory / f"{name}.conf"  # which it writes to
        tls = {"tls_replication": "yes", **tls_settings(authority, self.port)} if authority else {}
        lines = [
            *(f"{key.replace('_', '-')} {value}" for key, value in tls.items()),
            f"port {0 if authority else self.port}",
            "bind 127.0.0.1",
            f"dir {directory}",
            f"sentinel monitor {MASTER_NAME} 127.0.0.1 {master.port} {_QUORUM}",
            f"sentinel down-after-milliseconds {MASTER_NAME} {down_after_ms}",
            f"sentinel failover-timeout {MASTER_NAME} 5000",
        ]
        if master.password:
            lines.append(f"sentinel auth-pass {MASTER_NAME} {master.password}")
        if password:
            lines += [f"requirepass {password}", f"sentinel sentinel-pass {password}"]
        path.write_text("\n".join(lines) + "\n")
        super().__init__(name, ["redis-server", path, "--sentinel"], dict(os.environ), directory)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self, wait=True):
        super().start()
        if wait:
            self.wait_until_ready(lambda: self.master_port() is not None)

    def call(self, *command):
        options = {"single_connection_client": True, "socket_timeout": 10, "protocol": 2}
        options |= client_tls(self._authority)
        with redis.Redis("127.0.0.1", self.port, password=self.password or None, **options) as client:
            return client.execute_command(*command)

    def _fields(self, reply):
        words = [word.decode() for word in reply]
        return dict(zip(words[::2], words[1::2], strict=True))

    def state(self):
        """What it knows of the master, as text."""
        return self._fields(self.call("SENTINEL", "MASTER", MASTER_NAME))

    def replica_states(self):
        return [self._fields(reply) for reply in self.call("SENTINEL", "REPLICAS", MASTER_NAME)]

    def master_port(self):
        """None: it does not answer."""
        try:
            address = self.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)
            return int(address[1]) if address else None
        except redis.RedisError:
            return None


class RedisSentinel:
    """A stack takes it in place of a RedisServer: its services then ask the sentinels. password: of the servers;
    sentinel_password: of the sentinels. tls: none of them has a plain port. Other settings are those of RedisServer, of
    each server."""

    def __init__(
        self, directory, replicas=1, password="", sentinel_password="", down_after_ms=1000, tls=False, **settings
    ):
        self._authority = Authority(directory) if tls else None
        if tls:
            settings |= {"authority": self._authority, "tls_replication": "yes"}
        self.password = password
        self.sentinel_password = sentinel_password
        masterauth = {"masterauth": password} if password else {}
        self.nodes = [
            RedisNode(directory, f"redis-{number + 1}", password=password, **masterauth, **settings)
            for number in range(replicas + 1)
        ]
        self.sentinels = [
            Sentinel(directory, f"sentinel-{number}", self.nodes[0], sentinel_password, down_after_ms, self._authority)
            for number in (1, 2, 3)
        ]
        self._ending = []
        self._paused = []

    # ---- as a process ----

    def start(self, wait=True):
        """Later: starts those again that do not run."""
        is_new = not any(sentinel.stdout_path.exists() for sentinel in self.sentinels)
        for process in self.nodes + self.sentinels:
            if not process.is_running:
                process.start()
        if is_new:
            for server in self.nodes[1:]:
                server.call("REPLICAOF", "127.0.0.1", self.nodes[0].port)
        if wait or is_new:
            self.wait_ok()

    @property
    def is_running(self):
        return any(process.is_running for process in self.nodes + self.sentinels)

    def kill(self):
        """All servers at once; the sentinels stay."""
        for server in self.nodes:
            if server.is_running:
                server.kill()

    def terminate(self):
        self._ending = [process for process in self.sentinels + self.nodes if process.is_running]
        for process in self._ending:
            process.resume()
            process.terminate()

    def wait_stopped(self, timeout=20):
        """After terminate, of those that ran then: some have ended meanwhile."""
        for process in self._ending:
            process.wait_stopped(timeout)

    def close(self):
        for process in self.sentinels + self.nodes:
            process.close()

    # ---- who is who ----

    @property
    def address(self):
        """Of the first server, whatever it is now: redis.addr, which nobody should need."""
        return self.nodes[0].address

    @property
    def service_settings(self):
        """That a counter-service needs beside the address."""
        settings = {
            "REDIS_MODE": "sentinel",
            "REDIS_SENTINEL_MASTER": MASTER_NAME,
            "REDIS_SENTINEL_ADDRS": ",".join(sentinel.address for sentinel in self.sentinels),
        }
        settings |= service_tls(self._authority)
        settings |= {"REDIS_PASSWORD": self.password} if self.password else {}
        settings |= {"REDIS_SENTINEL_PASSWORD": self.sentinel_password} if self.sentinel_password else {}
        return settings

    def _master_ports(self):
        return {sentinel.master_port() for sentinel in self.sentinels if sentinel.is_running}

    def master(self):
        """The one that all sentinels name, which says so itself; None: they do not agree."""
        ports = self._master_ports()
        if len(ports) != 1:
            return None
        found = next((server for server in self.nodes if {server.port} == ports), None)
        return found if found and found.is_running and found.role() == "master" else None

    def master_of_others(self):
        """The one that sentinels name which know one."""
        ports = self._master_ports() - {None}
        return next(server for server in self.nodes if {server.port} == ports)

    def replicas(self):
        """Those that run and are not the master."""
        master = self.master()
        return [server for server in self.nodes if server.is_running and server is not master]

    def call(self, *command):
        """One command at the master."""
        return wait_until(self.master, what="a master").call(*command)

    # ---- when it is well ----

    def is_ok(self):
        """All sentinels know each other, the master and its replicas, none of which is down."""
        master = self.master()
        if master is None or not all(server.is_linked() for server in self.nodes if server not in (None, master)):
            return False
        for sentinel in self.sentinels:
            known = [sentinel.state(), *sentinel.replica_states()]
            if int(known[0]["num-other-sentinels"]) != len(self.sentinels) - 1 or len(known) != len(self.nodes):
                return False
            if any({"s_down", "o_down", "disconnected"} & set(one["flags"].split(",")) for one in known):
                return False
        return True

    def wait_ok(self, timeout=60):
        wait_until(self.is_ok, timeout, "the sentinels to find all well", interval=0.1)

    # ---- failover ----

    def _wait_other_master(self, former, timeout=40):
        def other():
            master = self.master()
            return master if master is not former else None

        return wait_until(other, timeout, "another master")

    def fail_over(self):
        """Without a need. Returns the new master; what it had not got yet is lost."""
        former = wait_until(self.master, what="a master")
        self.sentinels[0].call("SENTINEL", "FAILOVER", MASTER_NAME)
        master = self._wait_other_master(former)
        wait_until(lambda: former.role() == "slave", 40, f"{former.name} to follow")
        self.wait_ok()
        return master

    def kill_master(self, restart=True):
        """Returns the new master; the old one comes back as a replica."""
        former = wait_until(self.master, what="a master")
        former.kill()
        master = self._wait_other_master(former)
        if restart:
            former.start()
            wait_until(lambda: former.role() == "slave", 40, f"{former.name} to follow")
            self.wait_ok()
        return master

    def pause_replicas(self):
        """Cuts replication: nothing that is written from now on is replicated, until resume_replicas."""
        self._paused = self.replicas()
        for replica in self._paused:
            replica.pause()

    def resume_replicas(self):
        for replica in self._paused:
            replica.resume()
        self.wait_ok()
