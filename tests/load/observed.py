"""What it costs to be looked at: all of it on (traces at 1%, metrics scraped each second as OpenMetrics, pprof on and
idle) against all off; and how long a scrape takes under full load.

    observed.py BIN_DIR [--rounds 3] [--seconds 3] [--levels 1,100,500,batch100] [--ratio 0.01]

The two stacks take turns within each round, and only the ratios mean anything. The collector takes what comes, and
runs on the same cores: its time is in the rate, and not in the CPU time. Tables in Markdown.
"""

import argparse
import contextlib
import http.server
import statistics
import threading
import time
import urllib.request

from compare import Tally, measure, report

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes all, and looks at nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802, the base class's name
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def start_collector(ends):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ends.callback(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"


class Scraper(threading.Thread):
    """Each second, both programs. times: of each scrape, in seconds, from here."""

    def __init__(self, tally):
        super().__init__(daemon=True)
        self.urls = [f"{tally.url}/metrics", f"{tally.admin_url}/metrics"]
        self.times = []
        self.bodies = []
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(1):
            for url in self.urls:
                start = time.monotonic()
                with urllib.request.urlopen(urllib.request.Request(url, headers=OPENMETRICS), timeout=10) as answer:
                    self.bodies.append(answer.read().decode())
                self.times.append(time.monotonic() - start)

    @contextlib.contextmanager
    def running(self):
        self.start()
        yield self
        self.is_over.set()
        self.join()


def spans(bodies, what):
    return sum(
        int(float(line.split()[1]))
        for body in bodies
        for line in body.splitlines()
        if line.startswith(f"tally_spans_{what}_total ")
    )


def measure_watched(tally, level, seconds, times):
    with Scraper(tally).running() as scraper:
        measured = measure(tally, level, seconds)
    times += scraper.times
    return measured, scraper.bodies


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--levels", default="1,100,500,batch100")
    parser.add_argument("--ratio", default="0.01")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as ends:
        settings = {"TRACING_ENDPOINT": start_collector(ends), "TRACING_SAMPLE_RATIO": arguments.ratio}
        settings |= {"DEBUG_PPROF": "true"}
        off = Tally(ends, arguments.programs)
        on = Tally(ends, arguments.programs, settings, settings)
        times = []
        print("| level | off/s | on/s | ratio | off us CPU | on us CPU | ratio | p99 | p99 ms | errors |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for level in arguments.levels.split(","):
            rows = []
            for _ in range(arguments.rounds):
                first = measure(off, level, arguments.seconds)
                second, bodies = measure_watched(on, level, arguments.seconds, times)
                rows.append([first, second])
            report(level, rows)
        last = bodies[-2:]
        print(f"\nspans: {spans(last, 'exported')} exported, {spans(last, 'dropped')} dropped")
        middle, most = statistics.median(times) * 1000, max(times) * 1000
        print(f"scrapes under load: {len(times)}, median {middle:.1f} ms, at most {most:.1f} ms")


if __name__ == "__main__":
    main()
