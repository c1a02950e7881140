# SPDX-License-Identifier: BSD-3-Clause
"""Child processes that are always ended by us, by pid, and whose output is kept for a failure."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One program in a session of its own, its output in a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        cwd: Path | None = None,
    ) -> None:
        self.name = name
        self.command = [str(word) for word in command]
        self.log = log
        self.started = time.monotonic()
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                self.command,
                stdin=stdin,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def alive(self) -> bool:
        return self.popen.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def signal_group(self, number: int) -> None:
        """To the process and what it started: the session is its own."""
        try:
            os.killpg(self.popen.pid, number)
        except ProcessLookupError:
            pass

    def wait(self, timeout: float) -> int:
        return self.popen.wait(timeout)

    def stop(self, timeout: float = 3.0) -> int:
        """TERM, then KILL; the exit status. Legal when it has ended already."""
        if self.alive():
            self.signal_group(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        self.signal_group(signal.SIGKILL)
        return self.popen.wait(10)

    def describe(self, lines: int = 40) -> str:
        """The last lines of its output, for a diagnostic."""
        status = "running" if self.alive() else f"exit status {self.popen.returncode}"
        tail = "\n".join(self.output().splitlines()[-lines:])
        return f"--- {self.name} ({status}): {' '.join(self.command)}\n{tail}"


def wait_until(what: str, probe, timeout: float = 10.0, interval: float = 0.05):
    """Call probe() until it returns something true; that is returned."""
    end = time.monotonic() + timeout
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(interval)


def run(command: Sequence[str | Path], timeout: float = 30.0, check: bool = True) -> str:
    """Run a short command; its output. A failure shows the command and what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}: {done.stdout.strip()}")
    return done.stdout
