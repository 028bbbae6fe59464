"""Compares two builds of Tally, or one with webdis: rate, and CPU time of all server processes for an increment.

    compare.py OLD_BIN_DIR NEW_BIN_DIR [--rounds 3] [--seconds 3] [--levels 1,10,100,500,batch100,batch1000]
    compare.py webdis NEW_BIN_DIR

The contestants take turns within each round, and only the ratios mean anything; the CPU time is the steadier of the two
on a shared machine. A level is a number of connections that increment one by one, or batchN: 16 connections that send
batches of N. Each contestant has a redis-server of its own (appendfsync everysec). Prints a table in Markdown.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

BATCH_CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_ready(url):
    end = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


class Contestant:
    """The server processes of one, with their default settings, and where to send increments. Ended with `ends`."""

    def __init__(self, ends):
        self.directory = tempfile.mkdtemp(prefix="compare-")
        self.processes = []
        ends.callback(self.close)
        self.redis_port = free_port()
        self.http_port = free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.start(
            ["redis-server", "--port", self.redis_port, "--bind", "127.0.0.1", "--dir", self.directory]
            + ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        )

    def start(self, command, settings=None):
        log = open(pathlib.Path(self.directory) / f"{len(self.processes)}.log", "w", encoding="utf-8")
        env = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
        env.update({f"TALLY_{name}": str(value) for name, value in (settings or {}).items()})
        words = [str(word) for word in command]
        self.processes.append(subprocess.Popen(words, stdout=log, stderr=log, env=env, start_new_session=True))

    def cpu_seconds(self):
        ticks = 0
        for process in self.processes:
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(20)
        shutil.rmtree(self.directory)


class Tally(Contestant):
    """more: settings of the service; gateway: of the gateway."""

    def __init__(self, ends, programs, more=None, gateway=None):
        super().__init__(ends)
        service_port, admin_port = free_port(), free_port()
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        quiet = {"CONSUL_ADDRESS": "", "DRAIN_DELAY": "0s"}
        self.start(
            [pathlib.Path(programs) / "counter-service"],
            quiet
            | {"COUNTER_SERVICE_HOST": "127.0.0.1", "COUNTER_SERVICE_PORT": service_port}
            | {"COUNTER_SERVICE_ADMIN_PORT": admin_port, "REDIS_ADDR": f"127.0.0.1:{self.redis_port}"}
            | (more or {}),
        )
        self.start(
            [pathlib.Path(programs) / "gateway"],
            quiet
            | {"SERVER_HOST": "127.0.0.1", "SERVER_PORT": self.http_port}
            | {"GRPC_COUNTER_SERVICE_HOST": f"127.0.0.1:{service_port}"}
            | (gateway or {}),
        )
        wait_ready(f"{self.url}/health/ready")

    def request(self, batch):
        if batch == 0:
            return ["POST", "/api/v1/counter/increment"]
        return ["BATCH", "/api/v1/counter/increment/batch", str(batch)]


class Webdis(Contestant):
    def __init__(self, ends):
        super().__init__(ends)
        configuration = pathlib.Path(self.directory) / "webdis.json"
        configuration.write_text(
            f"""{{"redis_host": "127.0.0.1", "redis_port": {self.redis_port}, "redis_auth": null, "database": 0,
            "http_host": "127.0.0.1", "http_port": {self.http_port}, "threads": 2, "pool_size": 20,
            "daemonize": false, "websockets": false, "verbosity": 0, "logfile": "{self.directory}/webdis.log",
            "acl": [{{"disabled": []}}]}}""",
            encoding="utf-8",
        )
        self.start(["webdis", configuration])
        wait_ready(f"{self.url}/PING")

    def request(self, _batch):
        """Webdis has no batches: levels are numbers of connections."""
        return ["GET", "/INCRBY/bench/1"]


def measure(contestant, level, seconds):
    """(increments a second, microseconds of CPU an increment, p99 in microseconds, errors)"""
    batch = int(level.removeprefix("batch")) if level.startswith("batch") else 0
    connections = BATCH_CONNECTIONS if batch else int(level)
    return send(contestant, connections, contestant.request(batch), batch or 1, seconds)


def send(contestant, connections, request, items, seconds):
    """The same. request: arguments of wrk.lua; items: of a request."""
    before = contestant.cpu_seconds()
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s", "-s", "tests/load/wrk.lua"]
        + [contestant.url, "--", *request],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    cpu = contestant.cpu_seconds() - before
    result = next(line for line in output.splitlines() if line.startswith("RESULT "))
    rate, _, p99, socket_errors, bad_answers = (int(number) for number in result.split()[1:])
    return rate * items, cpu / max(rate * items * seconds, 1) * 1e6, p99, socket_errors + bad_answers


def report(level, rows):
    """rows: for each round, the measurements of the first and the second contestant."""
    first, second = zip(*rows)
    rate = statistics.median(b[0] / a[0] for a, b in rows)
    cpu = statistics.median(b[1] / a[1] for a, b in rows)
    middle = [[statistics.median(one[i] for one in side) for i in range(3)] for side in (first, second)]
    errors = sum(one[3] for one in first + second)
    print(
        f"| {level} | {middle[0][0]:.0f} | {middle[1][0]:.0f} | {rate:.2f} | {middle[0][1]:.2f} | {middle[1][1]:.2f}"
        f" | {cpu:.2f} | {middle[0][2] / 1000:.2f} | {middle[1][2] / 1000:.2f} | {errors} |",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="a folder of programs, or webdis")
    parser.add_argument("second", help="a folder of programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--levels", default="1,10,100,500,batch100,batch1000")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as ends:
        first = Webdis(ends) if arguments.first == "webdis" else Tally(ends, arguments.first)
        second = Tally(ends, arguments.second)
        print("| level | first/s | second/s | ratio | first us CPU | second us CPU | ratio | p99 | p99 ms | errors |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for level in arguments.levels.split(","):
            turns = range(arguments.rounds)
            report(level, [[measure(one, level, arguments.seconds) for one in (first, second)] for _ in turns])


if __name__ == "__main__":
    main()
