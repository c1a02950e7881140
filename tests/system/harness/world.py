# SPDX-License-Identifier: BSD-3-Clause
"""Owner of all that a test starts: ends processes by pid, deletes namespaces, removes files."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .proc import Process, run

_counter = itertools.count(1)


class World:
    """A folder below /tmp (socket paths are short there; or VSW_TMP) and a stack to undo."""

    def __init__(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="vsw-", dir=os.environ.get("VSW_TMP", "/tmp")))
        self.processes: list[Process] = []
        self._undo: list[Callable[[], None]] = []
        self.faults: list[str] = []

    def __enter__(self) -> "World":
        return self

    def __exit__(self, exception: object, *_rest: object) -> None:
        self.close()
        if self.faults and exception is None:
            raise AssertionError("; ".join(self.faults))

    def defer(self, undo: Callable[[], None]) -> None:
        """Call undo() when the world ends, last deferred first."""
        self._undo.append(undo)

    def name(self, kind: str) -> str:
        """A name that no other run uses, short enough for a network interface."""
        return f"{kind}{os.getpid():x}n{next(_counter)}"

    def spawn(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        **options: object,
    ) -> Process:
        """Start a process that ends with the world."""
        log = self.dir / f"{name}-{len(self.processes)}.log"
        process = Process(name, command, log, env=env, **options)
        self.processes.append(process)
        self.defer(lambda: process.stop() and None)
        return process

    def veth(self) -> tuple[str, str]:
        """A pair of kernel interfaces, both up in the host's namespace."""
        ours, theirs = self.name("va"), self.name("vb")
        run(["ip", "link", "add", ours, "type", "veth", "peer", "name", theirs])
        self.defer(lambda: run(["ip", "link", "del", ours], check=False) and None)
        for name in (ours, theirs):
            run(["sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1"], check=False)
            run(["ip", "link", "set", name, "up"])
        return ours, theirs

    def describe(self) -> str:
        """The ends of the logs, but for short jobs that went well."""
        return "\n".join(process.describe() for process in self.processes
                         if not process.name.endswith("-job") or process.popen.poll() != 0)

    def close(self) -> None:
        """Undo everything; one failing step does not keep the others from running."""
        while self._undo:
            undo = self._undo.pop()
            try:
                undo()
            except AssertionError as error:
                self.faults.append(str(error))
                print(f"# at the end: {error}", flush=True)
            except Exception as error:  # noqa: BLE001
                print(f"# cleanup: {error}", flush=True)
        shutil.rmtree(self.dir, ignore_errors=True)
