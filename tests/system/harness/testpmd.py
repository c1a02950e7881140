# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd as a container with virtio-user interfaces, driven by its prompt."""

import os
import re
import subprocess
import time
from collections.abc import Sequence

from .world import World

PROMPT = "testpmd> "


class Testpmd:
    """One instance without hugepages; vdevs as DPDK device strings.

    Its answers come through stdio and its prompt does not: line buffering keeps their order.
    """

    def __init__(
        self,
        world: World,
        vdevs: list[str],
        *options: str,
        eal: Sequence[str] = (),
        memory: int = 256,
        timeout: float = 20,
    ) -> None:
        command = ["stdbuf", "-oL", "dpdk-testpmd", "-l", "0,1", "--no-huge", "-m", str(memory)]
        command += ["--no-pci", "--no-shconf", "--no-telemetry", *eal]
        for vdev in vdevs:
            command += ["--vdev", vdev]
        command += ["--", "-i", "--total-num-mbufs=8192", *options]
        self._start(world, command, timeout)

    @classmethod
    def attach(cls, world: World, command: list[str], timeout: float = 30) -> "Testpmd":
        """The same prompt for a command line of the caller's own."""
        prompt = cls.__new__(cls)
        prompt._start(world, command, timeout)
        return prompt

    def _start(self, world: World, command: list[str], timeout: float) -> None:
        self.process = world.spawn("testpmd", command, stdin=subprocess.PIPE)
        self._expect(1, timeout)

    def _expect(self, prompts: int, timeout: float) -> None:
        end = time.monotonic() + timeout
        while self.process.output().count(PROMPT) < prompts:
            if not self.process.alive():
                raise RuntimeError(f"testpmd ended\n{self.process.describe()}")
            if time.monotonic() > end:
                raise TimeoutError(f"testpmd: no prompt\n{self.process.describe()}")
            time.sleep(0.05)

    def __call__(self, command: str, timeout: float = 20) -> str:
        """Type a command; what it printed."""
        before = self.process.output()
        assert self.process.popen.stdin
        os.write(self.process.popen.stdin.fileno(), command.encode() + b"\n")
        self._expect(before.count(PROMPT) + 1, timeout)
        return self.process.output()[len(before):]

    def statistics(self, port: int) -> dict[str, int]:
        """RX-packets, TX-packets, ... of one of its ports."""
        text = self(f"show port stats {port}")
        return {name: int(value) for name, value in re.findall(r"([RT]X-\w+): *(\d+)", text)}

    def received_by_queue(self, port: int) -> list[int]:
        """Packets that each receive queue of one of its ports got."""
        text = self(f"show port xstats {port}")
        return [int(value) for value in re.findall(r"rx_q\d+_good_packets: *(\d+)", text)]

    def quit(self, timeout: float = 10) -> None:
        """Leave in order."""
        assert self.process.popen.stdin
        os.write(self.process.popen.stdin.fileno(), b"quit\n")
        self.process.wait(timeout)
