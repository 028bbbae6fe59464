"""A Redis whose clock can be set while it runs."""

import struct
import subprocess

from harness.paths import ROOT
from harness.redis_server import RedisServer

_SOURCE = ROOT / "tests" / "e2e" / "harness" / "stepped_clock.c"


class SteppedRedis(RedisServer):
    """Runs with stepped_clock.c preloaded. Without jemalloc's own thread: it sleeps until a time of the day, which is
    past for the kernel when the clock was set back, so it would keep a core busy."""

    def __init__(self, directory, **settings):
        super().__init__(directory, jemalloc_bg_thread="no", **settings)
        library = directory / "stepped_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-D_GNU_SOURCE", "-o", library, _SOURCE], check=True)
        self._clock = directory / "clock"
        self._clock.write_bytes(bytes(8))
        self._seconds = 0
        self.env |= {"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(self._clock)}

    def step(self, seconds):
        """Sets its clock forward, or back."""
        self._seconds += seconds
        with open(self._clock, "r+b") as file:
            file.write(struct.pack("q", self._seconds))
