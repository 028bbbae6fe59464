"""What the read cache gains: hot reads of one counter, with cache.max_staleness and without.

    reads.py BIN_DIR [--rounds 4] [--seconds 2] [--connections 100]

Two stacks take turns within each round, and only the ratios mean anything. Also the top 10 of a ranking, with the
answers kept for a second and with each read from Redis. Tables in Markdown.
"""

import argparse
import contextlib
import statistics

from compare import Tally, send

COUNTER = "/api/v1/counter/bench/like"
TOP = "/api/v1/rankings/like?window=day&limit=10"


def ranking(cache_ttl):
    return {"RANKINGS": f"[{{counter_type: like, windows: [day], keep: 10000, cache_ttl: {cache_ttl}}}]"}


def fill(tally):
    """10,000 counters."""
    send(tally, 16, ["BATCH", "/api/v1/counter/increment/batch", "100", "10000", "each"], 100, 1)
    send(tally, 1, tally.request(0), 1, 1)


def compare(what, slow, fast, path, arguments):
    rows = []
    for _ in range(arguments.rounds):
        rows.append([send(tally, arguments.connections, ["GET", path], 1, arguments.seconds) for tally in (slow, fast)])
    ratio = statistics.median(b[0] / a[0] for a, b in rows)
    cells = [f"{statistics.median(row[i][0] for row in rows):.0f}" for i in range(2)]
    p99 = [f"{statistics.median(row[i][2] for row in rows) / 1000:.2f}" for i in range(2)]
    errors = sum(one[3] for row in rows for one in row)
    print(f"| {what} | {cells[0]} | {cells[1]} | {ratio:.2f} | {p99[0]} | {p99[1]} | {errors} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=100)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as ends:
        off = Tally(ends, arguments.programs, ranking("0s"))
        on = Tally(ends, arguments.programs, ranking("1s"), {"CACHE_MAX_STALENESS": "2s"})
        for tally in (off, on):
            fill(tally)
        print("| reads | off/s | on/s | ratio | off p99 ms | on | errors |")
        print("|---|---|---|---|---|---|---|")
        compare("one counter", off, on, COUNTER, arguments)
        compare("top 10", off, on, TOP, arguments)


if __name__ == "__main__":
    main()
