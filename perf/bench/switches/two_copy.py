# SPDX-License-Identifier: BSD-3-Clause
"""perf/twocopy: librte_vhost's burst functions between two guests, without ports or drivers."""

import struct

from harness.paths import BUILD
from harness.proc import wait_until

from ..errors import Unavailable
from .base import Account, Socket, Switch

PROGRAM = BUILD / "perf" / "twocopy" / "twocopy"
ACCOUNT = struct.Struct("=QQ")  # busy cycles, packets
PATIENCE = 10  # seconds for it to listen


class TwoCopy(Switch):
    """Each frame is copied into a buffer and out of it; nothing is looked at."""

    name = "two-copy"
    title = "librte_vhost alone"

    def start(self) -> None:
        if not PROGRAM.exists():
            raise Unavailable(f"{PROGRAM} is missing; ./dev build makes it")
        if self.setup.rules or not self.setup.poll or self.setup.fdb_limit > 1 << 18:
            raise Unavailable("librte_vhost looks at no frame and never sleeps")
        self.paths: list[str] = []
        self.counts = self.world.dir / self.world.name("tc")

    def add_vhost(self, name: str) -> Socket:
        path = self.world.dir / f"{self.world.name('tc')}.sock"
        self.paths.append(str(path))
        return Socket(path, False)

    def ready(self) -> None:
        if len(self.paths) != 2:
            raise Unavailable("it moves frames between two guests only")
        command = [str(PROGRAM), "--cpu", str(self.cpus.switch),
                   "--main-cpu", str(self.cpus.generator), "--account", str(self.counts)]
        command += ["--memory", str(self.setup.memory)] if self.setup.memory else []
        command += [] if self.setup.hugepages else ["--no-huge"]
        self.process = process = self.world.spawn("twocopy", [*command, *self.paths])

        def listens() -> bool:
            if not process.alive():
                raise RuntimeError(f"twocopy ended: {process.output().strip()}")
            return "ready" in process.output()

        wait_until("twocopy listens", listens, PATIENCE)

    def account(self) -> Account:
        return Account(*ACCOUNT.unpack(self.counts.read_bytes()[:ACCOUNT.size]))
