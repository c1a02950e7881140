# SPDX-License-Identifier: BSD-3-Clause
"""A program on a terminal of its own: what it shows, and keys for it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][0-9A-Za-z]|[=>])")


class Terminal:
    """The program ends with `close`, or when the world that deferred it does."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        rows: int = 24,
        columns: int = 80,
    ) -> None:
        self.shown = ""  # all that was ever shown
        self.status: int | None = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            words = [str(word) for word in command]
            try:
                os.execve(words[0], words, {**os.environ, "TERM": "xterm", **(env or {})})
            finally:
                os._exit(127)
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        """Another size; the program is told."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        """Send keys; "\\r" is Enter, "\\x03" Ctrl-C."""
        os.write(self.fd, keys.encode())

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False  # nobody has the other end any more
        self.shown += data.decode(errors="replace")
        return bool(data)

    def text(self) -> str:
        """What was shown, without what a terminal obeys."""
        return ESCAPES.sub("", self.shown).replace("\r", "")

    def expect(self, needle: str, timeout: float = 20.0) -> str:
        """Wait until this has been shown since the last `expect`; what was shown up to there."""
        end = time.monotonic() + timeout
        while True:
            text = self.text()
            at = text.find(needle)
            if at >= 0:
                self.shown = text[at + len(needle):]
                return text[: at + len(needle)]
            if not self._read(max(0.0, end - time.monotonic())) or time.monotonic() > end:
                raise AssertionError(f"{needle!r} was not shown; but: {text!r}")

    def frame(self) -> str:
        """Of a program that redraws from the upper left: what it drew last, as a whole."""
        self._read(0.3)
        frames = self.shown.split("\x1b[H")
        return ESCAPES.sub("", frames[-2]).replace("\r", "") if len(frames) > 2 else ""

    def wait(self, timeout: float = 20.0) -> int:
        """Until the program has ended; its status, negative if a signal ended it."""
        end = time.monotonic() + timeout
        self._poll()
        while self.status is None:
            if time.monotonic() > end:
                raise AssertionError(f"the program has not ended; it showed {self.text()!r}")
            if not self._read(0.05):
                time.sleep(0.01)
            self._poll()
        return self.status

    def _poll(self) -> None:
        if self.status is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.status = os.waitstatus_to_exitcode(status)

    def echoes(self) -> bool:
        """Whether the terminal is as programs expect it: lines, and keys are seen."""
        flags = termios.tcgetattr(self.fd)[3]
        return bool(flags & termios.ECHO) and bool(flags & termios.ICANON)

    def close(self) -> None:
        """End the program if it has not ended."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL
        os.close(self.fd)
