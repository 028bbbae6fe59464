"""One child process: started, signalled by its own pid, never left behind."""

import contextlib
import shutil
import signal
import subprocess
from pathlib import Path

from harness.wait import wait_until

# All that were started and not closed, for the report of a failed test.
open_processes = []

_SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")
# The child dies with this process, even if that is killed.
_TIED = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


class Process:
    """Start it from the main thread: it is tied to the life of the thread that starts it."""

    def __init__(self, name, argv, env, directory):
        self.name = name
        self.argv = [str(part) for part in argv]
        self.env = env
        self.stdout = None  # a file descriptor to use instead of the file
        self.stdout_path = directory / f"{name}.stdout"
        self.stderr_path = directory / f"{name}.stderr"
        self._child = None
        self._end_is_known = False

    def start(self):
        assert self._child is None or self._child.poll() is not None, f"{self.name} is running"
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            out = out if self.stdout is None else self.stdout
            self._child = subprocess.Popen(
                _TIED + self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        self._end_is_known = False
        if self not in open_processes:
            open_processes.append(self)

    @property
    def pid(self):
        return self._child.pid

    @property
    def is_running(self):
        return self._child is not None and self._child.poll() is None

    def send_signal(self, number):
        self._child.send_signal(number)

    def pause(self):
        """Each of its threads stands still when this returns: on a busy machine one may run on for a while."""
        self.send_signal(signal.SIGSTOP)
        wait_until(lambda: self._thread_states() <= {"T", "t", "Z"}, 10, f"{self.name} to stand still", interval=0.001)

    def _thread_states(self):
        states = set()
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                states.add((task / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0])
        return states

    def resume(self):
        self.send_signal(signal.SIGCONT)

    def peak_mib(self):
        """The most memory that it has taken so far."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def kill(self):
        assert self.is_running, f"{self.name} ended by itself with {self._child.poll()}\n{self.log_tail()}"
        self._child.kill()
        self.wait()

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout=20):
        """Waits for the end, returns the exit code."""
        code = self._child.wait(timeout)
        self._end_is_known = True
        return code

    def stop(self, timeout=20):
        """SIGTERM, which must end in exit code 0."""
        self.terminate()
        self.wait_stopped(timeout)

    def wait_stopped(self, timeout=20):
        """After SIGTERM."""
        code = self.wait(timeout)
        assert code == 0, f"{self.name} ended with {code} after SIGTERM\n{self.log_tail()}"

    def wait_until_ready(self, condition, timeout=20):
        def ready():
            assert self.is_running, f"{self.name} ended with {self._child.poll()} at its start\n{self.log_tail()}"
            return condition()

        wait_until(ready, timeout, f"{self.name} to be ready")

    def close(self):
        """Ends it in any case; then says if it had crashed or a sanitizer complained."""
        if self in open_processes:
            open_processes.remove(self)
        if self._child is None:
            return
        if self.is_running:
            self.kill()
        assert self._end_is_known, f"{self.name} ended by itself with {self._child.poll()}\n{self.log_tail()}"
        self.check_sanitizers()

    def check_sanitizers(self):
        text = self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""
        reports = [line for line in text.splitlines() if any(mark in line for mark in _SANITIZER_REPORTS)]
        assert not reports, f"{self.name}: {reports[0]}\n{text[:20000]}"

    def log(self):
        return self.stdout_path.read_text(errors="replace")

    def log_tail(self, lines=40):
        parts = []
        for path in (self.stdout_path, self.stderr_path):
            if path.exists():
                parts += path.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(parts)

    def wait_for_log(self, text, timeout=20):
        wait_until(lambda: text in self.log(), timeout, f"{text!r} in the log of {self.name}")
