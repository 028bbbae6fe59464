"""Requests as bytes from files of tests/e2e/data/, whose README.txt says how they are written."""

import json
import re
from pathlib import Path

from harness.calls import INCREMENT, counter_path, item
from harness.http_client import request_bytes

DATA = Path(__file__).resolve().parent.parent / "data"
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def chunked(data, size):
    """data in chunks of that size, with the last chunk."""
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def texts_of(resource):
    """What stands for the names in braces."""
    body = json.dumps(item(resource)).encode()
    batch = json.dumps({"increments": [item(resource)]}).encode()
    hidden = request_bytes("POST", INCREMENT, item(resource, increment=1000))
    content_type = b"Content-Type: application/json\r\n"
    texts = {
        "resource": resource,
        "counter": counter_path(resource, "like"),
        "increment": INCREMENT,
        "type": content_type,
        "body": body,
        "len": str(len(body)),
        "hex": f"{len(body):x}",
        "chunks": chunked(body, 10),
        "post-chunked": b"POST %s HTTP/1.1\r\nHost: tally\r\n%sTransfer-Encoding: chunked\r\n\r\n"
        % (INCREMENT.encode(), content_type),
        "batch": batch,
        "batch-len": str(len(batch)),
        "hidden": hidden,
        "hidden-len": str(len(hidden)),
        "hidden-chunks": chunked(hidden, 10),
    }
    return {name: text if isinstance(text, bytes) else text.encode() for name, text in texts.items()}


class Literal:
    def __init__(self, name, statuses, closes, counts, text):
        self.name = name
        self.statuses = statuses
        self.closes = closes
        self.counts = counts
        self._text = text

    def bytes_for(self, resource):
        """The request, or requests, about a counter of that resource."""
        texts = texts_of(resource)

        def meaning(match):
            if match["name"]:
                return texts.get(match["name"].decode(), match[0])
            if match["byte"]:
                return bytes([int(match["byte"], 16)])
            return ESCAPES[match["escape"].decode()]

        pattern = rb"\{(?P<name>[a-z-]+)\}|\\x(?P<byte>[0-9a-fA-F]{2})|\\(?P<escape>.)"
        return re.sub(pattern, meaning, self._text.encode())


def parse(section, file_name):
    name, expect, *lines = section.split("\n")
    words = expect.removeprefix("expect: ").split()
    counts = 0
    if lines[0].startswith("counts: "):
        counts = int(lines.pop(0).removeprefix("counts: "))
    statuses = [int(word) for word in words if word != "close"]
    return Literal(f"{file_name}: {name}", statuses, "close" in words, counts, "".join(lines))


def load(folder):
    """All literals of a folder of tests/e2e/data/."""
    literals = []
    for file in sorted((DATA / folder).glob("*.txt")):
        if file.name != "README.txt":
            sections = file.read_text().removeprefix("### ").rstrip("\n").split("\n\n### ")
            literals += [parse(section, file.stem) for section in sections]
    assert literals, f"nothing in {folder}"
    return literals
