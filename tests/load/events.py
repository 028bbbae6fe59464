"""What events cost: Tally without them against Tally with them, Kafka being there or gone.

    events.py BIN_DIR [--rounds 3] [--seconds 3] [--levels 100,batch100] [--drain 1000000] [--absent 60]

Three stacks take turns within each round: `off` has no kafka.brokers; `on` has a Kafka of its own on this machine,
whose CPU is the machine's too; the brokers of `gone` are nowhere, so that its outbox fills, and drops. Only the ratios
mean anything. Then `on` is given --drain events while its Kafka is stopped (SIGSTOP), and the time is taken until Kafka
has them; and the Redis of `gone` tells how much memory a waiting event takes. At last the Kafka of `on` is killed under
load and comes back. Prints tables in Markdown.
"""

import argparse
import contextlib
import json
import pathlib
import signal
import statistics
import subprocess
import time
import urllib.request

from compare import Contestant, Tally, free_port, measure

DRAIN_SECONDS = 300


class Kafka(Contestant):
    def __init__(self, ends):
        super().__init__(ends)
        self.port, self._controller_port = free_port(), free_port()
        self._data = pathlib.Path(self.directory) / "kafka"
        self._data.mkdir()
        self.start_broker()

    def start_broker(self):
        self.start(["deploy/local/kafka_server.sh", self._data, self.port, self._controller_port])

    def kill_broker(self):
        broker = self.processes.pop()
        broker.kill()
        broker.wait()

    @property
    def broker(self):
        return self.processes[-1]


def increments(tally, seconds, batch=100):
    measure(tally, f"batch{batch}", seconds)


def events_of(tally):
    with urllib.request.urlopen(f"{tally.admin_url}/health", timeout=5) as answer:
        return json.load(answer)["components"]["events"]


def wait_published(tally):
    """Returns how many seconds it took."""
    started = time.monotonic()
    while events_of(tally)["waiting"] > 0:
        assert time.monotonic() - started < DRAIN_SECONDS, events_of(tally)
        time.sleep(0.05)
    return time.monotonic() - started


def compare(stacks, arguments):
    print("| level | off/s | on | gone | off us CPU | on | gone | off p99 ms | on | gone | errors |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for level in arguments.levels.split(","):
        rounds = []
        for _ in range(arguments.rounds):
            rounds.append([])
            for stack in stacks:
                rounds[-1].append(measure(stack, level, arguments.seconds))
                wait_published(stacks[1])  # or it would cost the next one
        cells = []
        for field, unit in ((0, 1), (1, 1), (2, 1000)):
            first = statistics.median(row[0][field] for row in rounds) / unit
            ratios = [statistics.median(row[i][field] / row[0][field] for row in rounds) for i in (1, 2)]
            cells += [f"{first:.0f}" if field == 0 else f"{first:.2f}", *(f"{ratio:.2f}" for ratio in ratios)]
        errors = sum(one[3] for row in rounds for one in row)
        print(f"| {level} | {' | '.join(cells)} | {errors} |", flush=True)


def drain(tally, kafka, count):
    kafka.broker.send_signal(signal.SIGSTOP)
    try:
        while events_of(tally)["waiting"] < count:
            increments(tally, 1)
    finally:
        kafka.broker.send_signal(signal.SIGCONT)
    waiting, cpu = events_of(tally)["waiting"], tally.cpu_seconds()
    seconds = wait_published(tally)
    cpu = (tally.cpu_seconds() - cpu) / waiting * 1e6
    rate = f"{waiting / seconds:.0f}/s, {cpu:.2f} us of CPU each, without Kafka's"
    print(f"\n{waiting:.0f} waiting events published in {seconds:.1f} s: {rate}")


def absence(tally, kafka, level, seconds):
    """Kafka is killed, and comes back after so long, all under load."""
    before = measure(tally, level, seconds // 3)
    kafka.kill_broker()
    during = measure(tally, level, seconds)
    waiting = events_of(tally)["waiting"]
    kafka.start_broker()
    after = measure(tally, level, seconds // 3)
    drained = wait_published(tally)
    print(
        f"\nKafka gone for {seconds} s under {level}: rate {during[0] / before[0]:.2f} of before, p99"
        f" {during[2] / before[2]:.2f} ({before[2] / 1000:.2f} to {during[2] / 1000:.2f} ms), errors {during[3]};"
        f" {waiting:.0f} events waited"
    )
    print(f"Kafka back: rate {after[0] / before[0]:.2f}, and none waits {drained:.1f} s after the load")


def memory(tally):
    def used():
        command = ["redis-cli", "-p", str(tally.redis_port), "info", "memory"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return int(next(line for line in text.splitlines() if line.startswith("used_memory:")).split(":")[1])

    before, bytes_before = events_of(tally)["waiting"], used()
    increments(tally, 1, batch=40)
    time.sleep(1.5)  # the standing relay looks each second
    more = events_of(tally)["waiting"] - before
    if more > 0:
        print(f"\n{(used() - bytes_before) / more:.0f} bytes of Redis a waiting event, in batches of 40")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--levels", default="100,batch100")
    parser.add_argument("--drain", type=int, default=1000000)
    parser.add_argument("--absent", type=int, default=60, help="seconds without Kafka; 0 leaves that out")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as ends:
        kafka = Kafka(ends)
        large = {"EVENTS_OUTBOX_MAX": 100000000}
        off = Tally(ends, arguments.programs)
        on = Tally(ends, arguments.programs, {"KAFKA_BROKERS": f"127.0.0.1:{kafka.port}", **large})
        gone = Tally(ends, arguments.programs, {"KAFKA_BROKERS": f"127.0.0.1:{free_port()}"})
        increments(on, 1)
        wait_published(on)
        memory(gone)
        compare([off, on, gone], arguments)
        drain(on, kafka, arguments.drain)
        if arguments.absent > 0:
            absence(on, kafka, "100", arguments.absent)


if __name__ == "__main__":
    main()
