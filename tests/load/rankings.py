"""What rankings cost: Tally without them against Tally with three windows and a rolling one.

    rankings.py BIN_DIR [--rounds 3] [--seconds 3] [--loads 100:1,16:100] [--laws zipf,even] [--resources 100000]

Two stacks take turns within each round; a load is CONNECTIONS:ITEMS, of a request, whose resources are drawn from
--resources. Only the ratios mean anything. Prints for each how far the rankings were behind at the end of the load,
then the longest call that Redis ran (SLOWLOG), the memory of a ranked resource, and the rate of top 10 against that of
single reads. Tables in Markdown.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import time
import urllib.request

from compare import Tally, send

WINDOWS = "windows: [hour, day, all], rolling: [1h], keep: 10000"
BATCH = "/api/v1/counter/increment/batch"
TOP = "/api/v1/rankings/like?window=day&limit=10"
SETTLE_SECONDS = 120


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


def longest_call_us(tally):
    """Of the aggregator's and of all others, since SLOWLOG RESET."""
    lines = redis(tally, "slowlog", "get", "1000").splitlines()
    return max([int(line) for line in lines if line.isdigit() and 100 <= int(line) < 10_000_000] or [0])


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--loads", default="100:1,16:100")
    parser.add_argument("--laws", default="zipf,even")
    parser.add_argument("--resources", type=int, default=100000)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as ends:
        off = Tally(ends, arguments.programs)
        on = Tally(ends, arguments.programs, {"RANKINGS": f"[{{counter_type: like, {WINDOWS}}}]"})
        redis(on, "config", "set", "slowlog-log-slower-than", "500")
        compare(off, on, arguments)
        print(f"\nthe longest call that Redis ran for the stack with rankings took {longest_call_us(on) / 1000:.1f} ms")
        memory(off, on)
        reads(on, arguments)


if __name__ == "__main__":
    main()
