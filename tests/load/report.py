"""Makes bench.sh's report, in Markdown, of its measurements: lines of a measure's name and its numbers.

A measure by wrk has five: requests a second, p50 and p99 in microseconds, socket errors, bad answers. Of several rounds
the median counts; a ratio is taken within each round first, since a noisy minute is noisy for all in it.
"""

import collections
import statistics
import sys

RATE, P50, P99, SOCKET_ERRORS, BAD_ANSWERS = range(5)


def read(path):
    """{"increment-100": [[rate, p50, ...] of each round]}"""
    measures = collections.defaultdict(list)
    with open(path, encoding="ascii") as lines:
        for line in lines:
            name, *numbers = line.split()
            measures[name].append([int(number) for number in numbers])
    return measures


def median(measures, name, column=RATE):
    return statistics.median(row[column] for row in measures[name])


def median_ratio(measures, name, other):
    return statistics.median(a[RATE] / b[RATE] for a, b in zip(measures[name], measures[other]))


def contestants(measures):
    print("| contestant | connections | requests/s | p50 ms | p99 ms | errors |")
    print("|---|---|---|---|---|---|")
    for name, rows in measures.items():
        if len(rows[0]) != 5:
            continue
        contestant, _, level = name.partition("-")
        errors = sum(row[SOCKET_ERRORS] + row[BAD_ANSWERS] for row in rows)
        rate, p50, p99 = (median(measures, name, column) for column in (RATE, P50, P99))
        print(f"| {contestant} | {level or 100} | {rate:.0f} | {p50 / 1000:.2f} | {p99 / 1000:.2f} | {errors} |")


def goals(measures):
    """Yields (what, measured, goal, met)."""

    def ratio(what, ours, other, goal):
        value = median_ratio(measures, ours, other)
        return what, f"{value:.2f}", f">= {goal}", value >= goal

    for level, goal in ((1, 0.4), (10, 0.75), (100, 1.25), (500, 1.25)):
        if f"webdis-{level}" not in measures:
            continue
        yield ratio(f"increments against webdis, {level} connections", f"increment-{level}", f"webdis-{level}", goal)
        if level >= 100:
            ours, theirs = (median(measures, f"{who}-{level}", P99) / 1000 for who in ("increment", "webdis"))
            yield f"p99 against webdis, {level} connections", f"{ours:.2f} ms", f"< {theirs:.2f} ms", ours < theirs
            yield ratio(f"increments against libmicrohttpd alone, {level} connections", f"increment-{level}",
                        f"bare-{level}", 0.65)
            yield ratio(f"GET against increments, {level} connections", f"get-{level}", f"increment-{level}", 1.0)
        if level == 500:
            yield "p99 at 500 connections", f"{ours:.2f} ms", "< 50 ms", ours < 50
    for items in (100, 1000):
        rate = median(measures, f"batch-{items}") * items
        yield f"increments in batches of {items}", f"{rate:.0f}/s", ">= 400000/s", rate >= 400000
    spread = median_ratio(measures, "hot", "spread")
    yield "one hot key against 100,000 spread keys", f"{spread:.2f}", "0.9 to 1.1", 0.9 <= spread <= 1.1
    unary = min(median(measures, "grpc-unary", column) for column in (0, 1))
    yield "unary gRPC increments, 20 connections x 10 streams", f"{unary:.0f}/s", ">= 40000/s", unary >= 40000
    for column, program in enumerate(("gateway", "counter-service")):
        mib = median(measures, "memory", column) / 1024
        yield f"resident memory of {program}, 1000 connections", f"{mib:.1f} MiB", "< 64 MiB", mib < 64
    per_counter = median(measures, "redis-bytes")
    yield "Redis bytes per counter, 3 a resource", f"{per_counter:.0f}", "<= 50", per_counter <= 50
    errors = sum(row[SOCKET_ERRORS] + row[BAD_ANSWERS] for rows in measures.values() for row in rows if len(row) == 5)
    yield "errors and bad answers of all runs", f"{errors}", "0", errors == 0


def main():
    measures = read(sys.argv[1])
    contestants(measures)
    print()
    print("| measure | measured | goal | |")
    print("|---|---|---|---|")
    for what, measured, goal, met in goals(measures):
        print(f"| {what} | {measured} | {goal} | {'met' if met else 'MISSED'} |")


main()
