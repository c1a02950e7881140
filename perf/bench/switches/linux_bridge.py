# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's own bridge: what containers have without a switch in user space."""

from harness.netns import Netns
from harness.proc import run

from ..errors import Unavailable
from .base import Switch


class LinuxBridge(Switch):
    """Interfaces only; it runs on whatever CPU its senders run on."""

    name = "linux"
    title = "the Linux bridge"

    def start(self) -> None:
        if self.setup.rules:
            raise Unavailable("the Linux bridge is measured without rules")
        self.bridge = self.world.name("vb")
        run(["ip", "link", "add", self.bridge, "type", "bridge"])
        self.world.defer(lambda: run(["ip", "link", "del", self.bridge], check=False) and None)
        run(["ip", "link", "set", self.bridge, "up"])

    def add_interface(self, name: str, ifname: str) -> None:
        run(["ip", "link", "set", ifname, "master", self.bridge])

    def add_tap(self, name: str, netns: Netns) -> None:
        ours, theirs = self.world.veth()
        netns.adopt(theirs)
        self.add_interface(name, ours)
