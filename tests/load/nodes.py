"""What a Redis Cluster costs and brings: Tally on one Redis against Tally on three masters with 64 partitions.

    nodes.py BIN_DIR [--rounds 3] [--seconds 3] [--masters 3] [--partitions 64] [--levels 1,100,500,batch100,batch1000]
             [--redis-share 1]

The two take turns within each round, and only the ratios mean anything. wrk.lua's requests of a level are as those of
compare.py, but of many resources. Behind the table of each level: the microseconds of CPU that gateway,
service and Redises took for an increment, the bytes that the append-only files got, and how many items a script and a
read of Redis brought: with these the model of ARCHITECTURE.md is fitted. Tables in Markdown.

On a machine with few cores more Redises bring no rate, since all parts share the cores. --redis-share 0.1 gives each
Redis a tenth of a core (by a control group of its own, as root), so that Redis is what is full, as on a machine with
many cores.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import time

from compare import TICKS, Tally, free_port, measure, report

PARTS = ("redis", "service", "gateway")
RESOURCES = 10000


# A control group's share is of so long; the kernel wants a share to be a millisecond or more.
PERIOD_US = 10000


def limit(process, share, ends):
    """The process gets this share of a core from now on."""
    version1 = pathlib.Path("/sys/fs/cgroup/cpu")
    group = (version1 if version1.is_dir() else version1.parent) / f"nodes-{os.getpid()}-{process.pid}"
    group.mkdir()
    # The kernel lets go of the dead a moment after they were waited for.
    ends.callback(lambda: [time.sleep(0.5), group.rmdir()])
    quota = int(share * PERIOD_US)
    if version1.is_dir():
        (group / "cpu.cfs_period_us").write_text(f"{PERIOD_US}", encoding="ascii")
        (group / "cpu.cfs_quota_us").write_text(f"{quota}", encoding="ascii")
    else:
        (group / "cpu.max").write_text(f"{quota} {PERIOD_US}", encoding="ascii")
    (group / "cgroup.procs").write_text(f"{process.pid}", encoding="ascii")


def cli(port, *words):
    command = ["redis-cli", "-p", str(port), *[str(word) for word in words]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class OnOneRedis(Tally):
    def __init__(self, ends, programs, more=None):
        self.redis_ports = []
        super().__init__(ends, programs, more)
        self.redis_ports.append(self.redis_port)

    def request(self, batch):
        """Single increments are of many resources, or one partition would have them all."""
        return super().request(batch) if batch else [*super().request(0), str(RESOURCES)]

    def redises(self):
        """All processes but the service and the gateway."""
        return self.processes[:-2]

    def parts(self):
        """CPU seconds of each part until now."""
        seconds = []
        for process in self.processes:
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            seconds.append((int(fields[11]) + int(fields[12])) / TICKS)
        return dict(zip(PARTS, (sum(seconds[:-2]), *seconds[-2:]), strict=True))

    def redis_counts(self):
        """Sums over all Redises until now: bytes of append-only files, scripts and reads."""
        lines = [line for port in self.redis_ports for line in cli(port, "INFO", "everything").splitlines()]
        starts = ("aof_current_size:", "cmdstat_evalsha:calls=", "total_reads_processed:")
        return [
            sum(int(line.removeprefix(start).partition(",")[0]) for line in lines if line.startswith(start))
            for start in starts
        ]


class OnNodes(OnOneRedis):
    """The single Redis that compare.py starts has nothing to do."""

    def __init__(self, ends, programs, masters, partitions):
        self._masters = masters
        self._ports = [free_port() for _ in range(masters)]
        nodes = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        super().__init__(ends, programs, {"REDIS_ADDR": nodes, "REDIS_PARTITIONS": partitions})
        self.redis_ports = self._ports

    def start(self, command, settings=None):
        super().start(command, settings)
        if str(command[0]) == "redis-server":
            self._start_nodes()

    def _start_nodes(self):
        for port in self._ports:
            directory = pathlib.Path(self.directory) / str(port)
            directory.mkdir()
            super().start(
                ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", directory, "--save", ""]
                + ["--appendonly", "yes", "--appendfsync", "everysec"]
                + ["--cluster-enabled", "yes", "--cluster-port", free_port()]
            )
        for port in self._ports:
            ping = ["redis-cli", "-p", str(port), "ping"]
            while "PONG" not in subprocess.run(ping, capture_output=True, text=True, check=False).stdout:
                time.sleep(0.05)
        nodes = [f"127.0.0.1:{port}" for port in self._ports]
        create = ["redis-cli", "--cluster", "create", *nodes, "--cluster-yes"]
        subprocess.run(create, check=True, capture_output=True, timeout=60)
        while any("cluster_state:ok" not in cli(port, "CLUSTER", "INFO") for port in self._ports):
            time.sleep(0.1)


class Costs:
    """Of one contestant and level, over the rounds."""

    def __init__(self, contestant):
        self._contestant = contestant
        self._micros = {part: [] for part in PARTS}
        self._redis = []

    def measure(self, level, seconds):
        parts, counts = self._contestant.parts(), self._contestant.redis_counts()
        result = measure(self._contestant, level, seconds)
        increments = max(result[0] * seconds, 1)
        for part, value in self._contestant.parts().items():
            self._micros[part].append((value - parts[part]) / increments * 1e6)
        more = [now - before for now, before in zip(self._contestant.redis_counts(), counts, strict=True)]
        self._redis.append((more[0] / increments, increments / max(more[1], 1), increments / max(more[2], 1)))
        return result

    def __str__(self):
        micros = [f"{part} {statistics.median(values):.2f}" for part, values in self._micros.items()]
        written, scripts, reads = (statistics.median(values) for values in zip(*self._redis, strict=True))
        return f"{', '.join(micros)} us; {written:.0f} bytes of AOF; {scripts:.1f} items a script, {reads:.1f} a read"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--masters", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=64)
    parser.add_argument("--levels", default="1,100,500,batch100,batch1000")
    parser.add_argument("--redis-share", type=float, default=1)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as groups, contextlib.ExitStack() as ends:
        one = OnOneRedis(ends, arguments.programs)
        many = OnNodes(ends, arguments.programs, arguments.masters, arguments.partitions)
        # A file that is rewritten would get shorter.
        for port in (*one.redis_ports, *many.redis_ports):
            cli(port, "CONFIG", "SET", "auto-aof-rewrite-percentage", 0)
        if arguments.redis_share < 1:
            for redis in (*one.redises(), *many.redises()):
                limit(redis, arguments.redis_share, groups)
        print("| level | one/s | nodes/s | ratio | one us CPU | nodes us CPU | ratio | p99 | p99 ms | errors |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        told = []
        for level in arguments.levels.split(","):
            costs = [Costs(one), Costs(many)]
            turns = range(arguments.rounds)
            report(level, [[cost.measure(level, arguments.seconds) for cost in costs] for _ in turns])
            told.append(f"{level}: one Redis: {costs[0]}; nodes: {costs[1]}")
        print("\n" + "\n".join(told))


if __name__ == "__main__":
    main()
