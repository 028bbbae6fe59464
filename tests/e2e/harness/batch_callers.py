"""Many callers of batches, and of single increments, in one thread; they keep a ledger as the clients of load.py do."""

import asyncio
import json
import time

from harness.calls import INCREMENT, INCREMENT_BATCH, item
from harness.http_client import request_bytes
from harness.law import ACKNOWLEDGED, REFUSED, UNKNOWN, Ledger

_GIVE_UP = 50  # seconds without an answer


class Caller:
    """One keep-alive connection that increments one counter, `items` times a request (1: not as a batch)."""

    def __init__(self, port, resource_id, items):
        self._port = port
        self._items = items
        self._counter = (resource_id, "like")
        if items == 1:
            self._request = request_bytes("POST", INCREMENT, item(resource_id))
        else:
            self._request = request_bytes("POST", INCREMENT_BATCH, {"increments": [item(resource_id)] * items})
        self._reader = None
        self._writer = None
        self.ledger = Ledger()

    async def connect(self):
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def call(self):
        """One request and its answer."""
        started = time.monotonic()
        try:
            self._writer.write(self._request)
            status, headers, body = await asyncio.wait_for(self._response(), _GIVE_UP)
        except (OSError, asyncio.IncompleteReadError):
            self.ledger.statuses[0] += 1
            self.ledger.add(UNKNOWN, self._counter, self._items)
            await self.connect()
            return
        self.ledger.slowest = max(self.ledger.slowest, time.monotonic() - started)
        self.ledger.statuses[status] += 1
        if status == 503 and "retry-after" not in headers:
            self.ledger.violations.append("503 without Retry-After")
        self._note(status, body)
        if headers.get("connection") == "close":
            self._writer.close()
            await self.connect()

    async def call_until(self, end):
        while time.monotonic() < end:
            await self.call()

    def close(self):
        self._writer.close()

    async def _response(self):
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await self._reader.readexactly(int(headers["content-length"]))
        return int(head[0].split(" ")[1]), headers, body

    def _note(self, status, body):
        told = set()
        if status != 200:
            told.add(self._note_problem(status, json.loads(body), self._items))
        elif self._items == 1 or b'"error"' not in body:
            self.ledger.add(ACKNOWLEDGED, self._counter, self._items)
        else:
            for result in json.loads(body)["results"]:
                if "error" in result:
                    told.add(self._note_problem(result["error"]["status"], result["error"], 1))
                else:
                    self.ledger.add(ACKNOWLEDGED, self._counter, 1)
        self.ledger.problems.update(told)

    def _note_problem(self, status, problem, items):
        """Returns the last part of its type."""
        outcome = problem.get("outcome")
        if (status, outcome) not in ((503, "not_applied"), (504, "unknown")):
            self.ledger.violations.append((status, problem))
        self.ledger.add(REFUSED if outcome == "not_applied" else UNKNOWN, self._counter, items)
        return problem["type"].rpartition("/")[2]


def _merged(callers):
    ledger = Ledger()
    for caller in callers:
        ledger.merge(caller.ledger)
        caller.close()
    return ledger


async def _run(batch_callers, single_callers, seconds):
    for caller in batch_callers + single_callers:
        await caller.connect()
    end = time.monotonic() + seconds
    singles = [asyncio.create_task(caller.call_until(end)) for caller in single_callers]
    if seconds > 0:
        await asyncio.gather(*(caller.call_until(end) for caller in batch_callers))
    else:
        await asyncio.gather(*(caller.call() for caller in batch_callers))
    await asyncio.gather(*singles)
    return _merged(batch_callers), _merged(single_callers)


def call_once(port, resource_id, callers, items=1000):
    """So many callers, each with one batch, all at once. Returns their ledger."""
    return asyncio.run(_run([Caller(port, resource_id, items) for _ in range(callers)], [], 0))[0]


def call_for(port, resource_id, seconds, callers, singles, items=1000):
    """So many callers of batches and of single increments, each with one request after the other. Returns the ledgers
    of both; the singles' resource is resource_id with "-single"."""
    batch_callers = [Caller(port, resource_id, items) for _ in range(callers)]
    single_callers = [Caller(port, resource_id + "-single", 1) for _ in range(singles)]
    return asyncio.run(_run(batch_callers, single_callers, seconds))
