"""Load on a pair of services around a fault, and the law for every counter of it."""

import functools
import threading
import time

from harness import law
from harness.law import Ledger
from harness.proxy import PIECE, REQUESTS, WHOLE
from harness.volley import BATCHES, Trickle, Volley

_TRIES = 5

# Scenes run side by side: one of them at a time is to have the machine for its volley.
_turn = threading.Lock()


class Barrage:
    """Volleys, and between them a little load, half of which carries keys and is sent again until acknowledged
    (keyed=False: none of it; pause: seconds between two requests). In a with statement, which ends with the law."""

    def __init__(self, pair, keyed=True, pause=0.25):
        self._pair = pair
        self._keyed = keyed
        self._pause = pause
        self._parts = []  # (what must hold, ledger)
        self._start()
        self._fire(batches=4)  # the first writes open sessions

    def _start(self):
        """A part of the load."""
        self._plain, self._exact = Ledger(), Ledger()
        port = self._pair.load_port
        self._trickles = [(self._plain, Trickle(port, self._pause))]
        if self._keyed:
            self._trickles.append((self._exact, Trickle(port, self._pause, keyed=True)))

    def _end(self, plain_law, exact_law):
        trickles, self._trickles = self._trickles, []
        for ledger, trickle in trickles:
            ledger.merge(trickle.stop())
        self._parts += [(plain_law, self._plain), (exact_law, self._exact)]

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        """The load goes on until all is well again: a breaker closes by a call."""
        try:
            if not failed:
                self._pair.wait_ready()
        finally:
            self._end(law.check, law.check_exact)
        if not failed:
            self._check()

    def fire(self, fault=None, then=None):
        """A volley. fault: when half of it is under way; then: when all is."""
        with _turn:
            self._fire(fault, then)

    def fire_until(self, caught, fault, then=None):
        """As fire, again until the fault has caught some of it: a machine that is busy may be late by just so much."""
        for _ in range(_TRIES):
            self.fire(fault, then)
            if caught():
                return
            self._pair.wait_ready()  # what was held meanwhile is given up: the next volley has new connections
        raise AssertionError(f"the fault has caught nothing in {_TRIES} volleys")

    def _fire(self, fault=None, then=None, batches=BATCHES):
        volley = Volley(self._pair.load_port, batches)
        volley.send(fault)
        if then is not None:
            then()
        self._plain.merge(volley.collect())

    def keep(self, save):
        """save() keeps what was written so far: the law stays for it whatever is lost later."""
        self._end(law.check, law.check_exact)
        self._pair.wait_quiet()
        save()
        self._start()

    def lose(self, loss):
        """loss() takes what was written since: it may be missing, but not be there twice."""
        self._end(law.check_no_more, law.check_no_more)
        loss()
        self._start()

    def _check(self):
        self._pair.wait_quiet()
        for check, ledger in self._parts:
            if ledger.statuses:
                print(f"{check.__name__}: {len(ledger.counters())} counters, {ledger}")
        for check, ledger in self._parts:
            if ledger.statuses:
                check(ledger, self._pair.values(ledger.counters()))


def _held(pair, hop_of, bytes_min, seconds, piece):
    """What is on its way over the hop is held for so long, at least so many bytes, and then delivered."""
    hop = hop_of(pair)
    with Barrage(pair) as barrage:
        barrage.fire_until(lambda: hop.held() > bytes_min, lambda: hop.hold(REQUESTS))
        time.sleep(seconds)
        barrage.fire(lambda: hop.release(piece))
        hop.wait_delivered()


def scenes_of_holding(hop_of, bytes_min):
    """By name. hop_of: a pair's proxy."""
    return {
        f"{seconds} s, {name}": functools.partial(
            _held, hop_of=hop_of, bytes_min=bytes_min, seconds=seconds, piece=piece
        )
        for seconds in (14, 60)
        for name, piece in (("whole", WHOLE), ("in pieces", PIECE))
    }
