# SPDX-License-Identifier: BSD-3-Clause
"""Bare dpdk-testpmd between two ports: no switch at all, what DPDK's vhost library alone costs."""

import re
import shutil

from harness.testpmd import Testpmd as Prompt

from ..errors import Unavailable
from .base import Account, Socket, Switch


class Testpmd(Switch):
    """Forwarding mode io: bursts go from one port to the other, nothing is looked at."""

    name = "testpmd"
    title = "testpmd"

    def start(self) -> None:
        if not shutil.which("dpdk-testpmd"):
            raise Unavailable("dpdk-testpmd is missing; apt-get install dpdk-dev")
        if self.setup.rules or not self.setup.poll or self.setup.fdb_limit > 1 << 18:
            raise Unavailable("testpmd looks at no frame and never sleeps")
        self.vdevs: list[str] = []

    def add_vhost(self, name: str) -> Socket:
        path = self.world.dir / f"{self.world.name('tp')}.sock"
        tso = ",tso=1" if self.setup.tso else ""
        self.vdevs.append(f"net_vhost{len(self.vdevs)},iface={path},queues=1{tso}")
        return Socket(path, False)

    def add_device(self, name: str, device: str) -> None:
        self.vdevs.append(device)

    def ready(self) -> None:
        if len(self.vdevs) % 2:
            raise Unavailable("testpmd moves frames between pairs of ports only")
        main = self.cpus.generator
        memory = ([f"--socket-limit={self.setup.memory}"] if self.setup.hugepages
                  else ["--no-huge", "-m", str(self.setup.memory)])
        command = ["stdbuf", "-oL", "dpdk-testpmd", "-l", f"{main},{self.cpus.switch}",
                   "--main-lcore", str(main), "--in-memory", "--single-file-segments", "--no-pci",
                   "--no-telemetry", *memory]
        for vdev in self.vdevs:
            command += ["--vdev", vdev]
        command += ["--", "-i", "--total-num-mbufs=16384", "--forward-mode=io",
                    "--no-lsc-interrupt", "--record-core-cycles"]
        self.prompt = Prompt.attach(self.world, command)
        self.process = self.prompt.process
        self.prompt("start")
        self.base = (0.0, 0.0)

    def account(self) -> Account:
        text = self.prompt("show fwd stats all")
        found = re.findall(r"cycles/packet=[\d.]+ \([a-z ]*cycles=(\d+) / [^=]*packets=(\d+)", text)
        if not found:
            return Account(0, 0)
        return Account(float(found[-1][0]), float(found[-1][1]))
