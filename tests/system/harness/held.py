# SPDX-License-Identifier: BSD-3-Clause
"""A worker that does not run for a while, with the rest of its daemon going on."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .daemon import Daemon
from .report import check_equal

# ptrace(2)
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def worker_thread(daemon: Daemon) -> int:
    """The thread of worker 0."""
    for task in Path(f"/proc/{daemon.pid}/task").iterdir():
        if (task / "comm").read_text().startswith("worker-0"):
            return int(task.name)
    raise AssertionError("there is no worker")


@contextmanager
def held(daemon: Daemon) -> Iterator[None]:
    """Stop worker 0 as a debugger does, and let it go again."""
    tid = worker_thread(daemon)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    check_equal(libc.ptrace(PTRACE_SEIZE, tid, 0, 0), 0, "PTRACE_SEIZE")
    check_equal(libc.ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0, "PTRACE_INTERRUPT")
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        check_equal(libc.ptrace(PTRACE_DETACH, tid, 0, 0), 0, "PTRACE_DETACH")
