"""Reads the Prometheus text format (0.0.4) that the programs expose."""

import re

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Exposition:
    def __init__(self, text):
        self.types = {}
        self.samples = []  # (name, labels, value)
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.types[name] = kind
            elif line and not line.startswith("#"):
                match = _SAMPLE.match(line)
                assert match, f"not a sample: {line!r}"
                name, labels, value = match.groups()
                self.samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))

    def sum(self, name, **labels):
        """Over all samples of that name with those labels."""
        return sum(
            value
            for sample, own, value in self.samples
            if sample == name and all(own.get(key) == wanted for key, wanted in labels.items())
        )

    def label_names(self, family):
        """Of a family's samples, without the `le` of a histogram."""
        names = set()
        for sample, labels, _ in self.samples:
            if sample in (family, f"{family}_bucket"):
                names |= set(labels)
        return names - {"le"}


def scrape(daemon):
    response = daemon.get("/metrics")
    assert response.status == 200, response
    return Exposition(response.body.decode())


def calls_answered(service):
    """How many calls that the gateway makes for increments."""
    return scrape(service).sum("tally_rpc_server_requests_total", rpc="SessionIncrement")


def kept(daemon):
    """What clients that are gone must not leave behind: connections and file descriptors."""
    exposition = scrape(daemon)
    return exposition.sum("tally_http_connections"), exposition.sum("process_open_fds")


def writes(gateway):
    """How many writes the gateway has accepted, and how many ended with each outcome."""
    exposition = scrape(gateway)
    outcomes = ("applied", "replayed", "not_applied", "unknown")
    return exposition.sum("tally_writes_accepted_total"), {
        outcome: exposition.sum("tally_writes_total", outcome=outcome) for outcome in outcomes
    }
