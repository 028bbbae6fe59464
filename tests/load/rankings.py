"""What rankings cost: Tally without them against Tally with three windows and a rolling one.

    rankings.py BIN_DIR [--rounds 3] [--seconds 3] [--loads 100:1,16:100] [--laws zipf,even] [--resources 100000]

    rankings.py BIN_DIR --expire

Two stacks take turns within each round; a load is CONNECTIONS:ITEMS, of a request, whose resources are drawn from
--resources. Only the ratios mean anything. Prints for each how far the rankings' as_of was behind the clock during the
load (p50, p99) and when it ended, then the longest call that Redis ran (SLOWLOG), the memory of a ranked resource, and
the rate of top 10 against that of single reads, with and without the service's cache of answers. With --expire: the p99
of increments before and while a bucket of a rolling window leaves that holds all resources, and Redis's longest call.
Tables in Markdown.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import threading
import time
import urllib.request
from datetime import UTC, datetime

from compare import Tally, send

WINDOWS = "windows: [hour, day, all], rolling: [1h], keep: 10000"
BATCH = "/api/v1/counter/increment/batch"
TOP = "/api/v1/rankings/like?window=day&limit=10"
SETTLE_SECONDS = 120
SAMPLE_SECONDS = 0.05
EXPIRE_WINDOW = "windows: [], rolling: [2m], keep: 10000"
EXPIRE_SECONDS = 120


def redis(tally, *words):
    command = ["redis-cli", "-p", str(tally.redis_port), *words]
    return subprocess.run(command, check=True, capture_output=True, encoding="latin-1").stdout


def rankings_of(tally):
    with urllib.request.urlopen(f"{tally.admin_url}/health", timeout=5) as answer:
        return json.load(answer)["components"]["rankings"]


def wait_ranked(tally):
    """Returns how many seconds it took."""
    started = time.monotonic()
    while rankings_of(tally)["waiting"] > 0:
        assert time.monotonic() - started < SETTLE_SECONDS, rankings_of(tally)
        time.sleep(0.05)
    return time.monotonic() - started


def longest_call(tally):
    """(microseconds, command) of all calls since SLOWLOG RESET."""
    entries = json.loads(redis(tally, "--json", "slowlog", "get", "1000"), strict=False)
    return max([(entry[2], " ".join(entry[3])[:60]) for entry in entries] or [(0, "none")])


def tell_longest(tally):
    micros, command = longest_call(tally)
    print(f"\nthe longest call that Redis ran for the stack with rankings took {micros / 1000:.1f} ms: {command!r}")


class Lags:
    """How far as_of is behind the clock, again and again, in seconds. The rankings have cache_ttl: 0s."""

    def __init__(self, tally):
        self.seconds = []
        self._url = tally.url + TOP
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def _sample(self):
        while not self._ends.wait(SAMPLE_SECONDS):
            with urllib.request.urlopen(self._url, timeout=5) as answer:
                as_of = datetime.fromisoformat(json.load(answer)["as_of"])
            self.seconds.append((datetime.now(UTC) - as_of).total_seconds())

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()

    def percentile(self, part):
        return sorted(self.seconds)[int(len(self.seconds) * part)]


def draw(tally, connections, items, arguments, law):
    request = ["BATCH", BATCH if items > 1 else BATCH.removesuffix("/batch"), str(items), str(arguments.resources), law]
    return send(tally, connections, request, items, arguments.seconds)


def compare(off, on, arguments):
    print("| law | connections:items | off/s | on | off us CPU | on | off p99 ms | on | behind s | errors |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for law in arguments.laws.split(","):
        for load in arguments.loads.split(","):
            connections, items = (int(number) for number in load.split(":"))
            rounds, behind = [], []
            for _ in range(arguments.rounds):
                rounds.append([draw(stack, connections, items, arguments, law) for stack in (off, on)])
                behind.append(wait_ranked(on))
            cells = []
            for field, unit in ((0, 1), (1, 1), (2, 1000)):
                first = statistics.median(row[0][field] for row in rounds) / unit
                ratio = statistics.median(row[1][field] / row[0][field] for row in rounds)
                cells += [f"{first:.0f}" if field == 0 else f"{first:.2f}", f"{ratio:.2f}"]
            errors = sum(one[3] for row in rounds for one in row)
            print(f"| {law} | {load} | {' | '.join(cells)} | {max(behind):.1f} | {errors} |", flush=True)


def memory(off, on):
    used = [int(redis(tally, "info", "memory").split("used_memory:")[1].split()[0]) for tally in (off, on)]
    counters = [int(redis(tally, "dbsize")) for tally in (off, on)]
    print(f"\n{(used[1] - used[0]) / min(counters):.0f} bytes of Redis more for each of {min(counters)} resources")


def reads(on, arguments):
    rows = []
    for _ in range(arguments.rounds):
        single = send(on, 100, ["GET", "/api/v1/counter/bench-1/like"], 1, arguments.seconds)
        rows.append((single, send(on, 100, ["GET", TOP], 1, arguments.seconds)))
    ratio = statistics.median(top[0] / single[0] for single, top in rows)
    errors = sum(one[3] for row in rows for one in row)
    print(f"\ntop 10 at {ratio:.2f} of the rate of single reads ({rows[0][0][0]}/s), errors {errors}")


def lags(ends, arguments):
    """Apart from the rates: the questions cost something too."""
    tally = Tally(ends, arguments.programs, {"RANKINGS": f"[{{counter_type: like, {WINDOWS}, cache_ttl: 0s}}]"})
    print("\n| law | connections:items | as_of behind, p50 s | p99 s |")
    print("|---|---|---|---|")
    for law in arguments.laws.split(","):
        for load in arguments.loads.split(","):
            connections, items = (int(number) for number in load.split(":"))
            with Lags(tally) as lags:
                draw(tally, connections, items, arguments, law)
            print(f"| {law} | {load} | {lags.percentile(0.5):.2f} | {lags.percentile(0.99):.2f} |", flush=True)
            wait_ranked(tally)


def fill_bucket(tally, resources):
    """Each resource once, within the seconds of one bucket. Returns when that was."""
    body = ["BATCH", BATCH, "100", str(resources), "each"]
    send(tally, 16, body, 100, 1)
    return time.monotonic()


def expire(ends, arguments):
    tally = Tally(ends, arguments.programs, {"RANKINGS": f"[{{counter_type: like, {EXPIRE_WINDOW}}}]"})
    redis(tally, "config", "set", "slowlog-log-slower-than", "500")
    filled = fill_bucket(tally, arguments.resources)
    wait_ranked(tally)
    redis(tally, "slowlog", "reset")
    print(f"{redis(tally, 'hlen', 'tally:{p0}:r:like').strip()} resources in a bucket or two")
    print("| seconds after | increments/s | p99 ms |")
    print("|---|---|---|")
    time.sleep(max(0, filled + EXPIRE_SECONDS - 25 - time.monotonic()))
    while time.monotonic() < filled + EXPIRE_SECONDS + 25:
        after = time.monotonic() - filled
        row = draw(tally, 100, 1, arguments, "zipf")
        print(f"| {after:.0f} | {row[0]:.0f} | {row[2] / 1000:.2f} |", flush=True)
    tell_longest(tally)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--loads", default="100:1,16:100")
    parser.add_argument("--laws", default="zipf,even")
    parser.add_argument("--resources", type=int, default=100000)
    parser.add_argument("--expire", action="store_true")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as ends:
        if arguments.expire:
            expire(ends, arguments)
            return
        off = Tally(ends, arguments.programs)
        on = Tally(ends, arguments.programs, {"RANKINGS": f"[{{counter_type: like, {WINDOWS}}}]"})
        redis(on, "config", "set", "slowlog-log-slower-than", "500")
        compare(off, on, arguments)
        tell_longest(on)
        memory(off, on)
        reads(on, arguments)
        ends.close()
        lags(ends, arguments)


if __name__ == "__main__":
    main()
