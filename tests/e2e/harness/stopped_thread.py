"""One thread of a process stands still, and the others go on: as if it were stuck."""

import contextlib
import ctypes
import os
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)

# <linux/ptrace.h>
_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
# <linux/wait.h>: waits for a thread that is no child.
_WALL = 0x40000000


def _ptrace(request, thread_id):
    if _libc.ptrace(request, thread_id, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def thread_id(pid, name):
    """Of the thread of that name."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise LookupError(f"{pid} has no thread {name}")


@contextlib.contextmanager
def stopped_thread(pid, name):
    """PermissionError where processes may not be traced."""
    thread = thread_id(pid, name)
    _ptrace(_SEIZE, thread)
    _ptrace(_INTERRUPT, thread)
    os.waitpid(thread, _WALL)
    try:
        yield
    finally:
        _ptrace(_DETACH, thread)
