"""Batch callers, more and more of them, beside clients that increment one by one: what is served, who waits how long.

    overload.py BIN_DIR... [--rounds 3] [--seconds 4] [--callers 0,4,20,50,500,2500] [--singles 10]

For each number of callers of batches of 1000, and for each folder of programs in turn: increments a second that were
applied, the share of both kinds of requests that was not, the 50th and 99th percentile of the single increments in
milliseconds, and the most memory that gateway and service had. Each measurement has a stack of its own. Only the ratios
within one run mean anything; p99 beside 20 callers is to be at most 5 times that of 0 callers, the rate beyond
saturation at least 0.9 of the best, nothing refused up to 50 callers. Prints a table in Markdown. wrk sends the next
request at once, also after a 503: no client of the field is as rude.
"""

import argparse
import contextlib
import pathlib
import statistics
import subprocess
import time
import urllib.request

from compare import Tally

BATCH = 1000


class Wrk:
    """A running wrk over so many connections; none of them: nothing runs, and nothing is counted."""

    def __init__(self, url, connections, seconds, request):
        self.seconds = seconds
        self.process = None
        if connections > 0:
            command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
            command += ["-s", "tests/load/wrk.lua", url, "--", *request]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def end(self):
        """(share refused or without an answer in %, p50, p99 in milliseconds)"""
        if self.process is None:
            return 0, 0, 0
        output = self.process.communicate()[0]
        result = next(line for line in output.splitlines() if line.startswith("RESULT "))
        rate, p50, p99, socket_errors, bad_answers = (int(number) for number in result.split()[1:])
        requests = max(rate * self.seconds, bad_answers) + socket_errors
        return 100 * (bad_answers + socket_errors) / max(requests, 1), p50 / 1000, p99 / 1000


def peak_mib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def applied(stack):
    """Increments so far."""
    with urllib.request.urlopen(f"{stack.url}/metrics", timeout=60) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith('tally_writes_total{outcome="applied"}'))


def measure(programs, callers, arguments):
    with contextlib.ExitStack() as ends:
        stack = Tally(ends, programs)
        singles = Wrk(stack.url, arguments.singles, arguments.seconds, stack.request(0))
        batches = Wrk(stack.url, callers, arguments.seconds, stack.request(BATCH))
        start = time.monotonic()
        single = singles.end()
        batch = batches.end()
        rate = applied(stack) / (time.monotonic() - start)
        service, gateway = (peak_mib(process) for process in stack.processes[1:3])
    return [rate, batch[0], *single, gateway, service]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", help="folders of programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--callers", default="0,4,20,50,500,2500")
    parser.add_argument("--singles", type=int, default=10, help="connections")
    arguments = parser.parse_args()
    print(
        "| callers | programs | increments/s | batches not served % | singles not served % | singles p50 ms | p99 ms"
        " | gateway MiB | service MiB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for callers in map(int, arguments.callers.split(",")):
        rounds = [[measure(one, callers, arguments) for one in arguments.programs] for _ in range(arguments.rounds)]
        for programs, rows in zip(arguments.programs, zip(*rounds)):
            middle = [statistics.median(column) for column in zip(*rows)]
            numbers = [f"{one:.{1 if 1 <= column < 5 else 0}f}" for column, one in enumerate(middle)]
            print(f"| {callers} | {programs} | {' | '.join(numbers)} |", flush=True)


if __name__ == "__main__":
    main()
