# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces as endpoints: commands run inside, side by side."""

import time
from pathlib import Path

from .paths import TRAFGEN
from .proc import Process, run
from .world import World


class NetnsJob:
    """A command that runs in a namespace."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def wait(self, timeout: float = 60.0) -> str:
        """Its output; an error if it failed."""
        status = self.process.wait(timeout)
        output = self.process.output()
        if status != 0:
            raise RuntimeError(f"{' '.join(self.process.command)}: status {status}: {output}")
        return output

    def stop(self) -> None:
        self.process.stop(1.0)


class Netns:
    """A namespace of our own, with loopback up and IPv6 chatter off."""

    def __init__(self, world: World, ip: str = "", ifname: str = "eth0") -> None:
        self.world = world
        self.name = world.name("vn")
        self.ip = ip
        self.ifname = ifname
        self.trafgen: str | Path = TRAFGEN
        run(["ip", "netns", "add", self.name])
        world.defer(lambda: run(["ip", "netns", "del", self.name], check=False) and None)
        for scope in ("all", "default"):
            run([*self._inside(), "sysctl", "-qw", f"net.ipv6.conf.{scope}.disable_ipv6=1"])
        self.run("ip link set lo up")

    def _inside(self) -> list[str]:
        # Not `ip netns exec`: that mounts, which a CI job in a chroot may not.
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def run(self, script: str, timeout: float = 30.0, check: bool = True) -> str:
        """Run a shell script inside; its output."""
        return run([*self._inside(), "sh", "-c", script], timeout, check)

    def start(self, script: str) -> NetnsJob:
        """Start a shell script inside."""
        command = [*self._inside(), "sh", "-c", script]
        return NetnsJob(self.world.spawn(f"{self.name}-job", command))

    def configure(self, prefix: int = 24, timeout: float = 5.0) -> None:
        """Give the interface its address; it may need a moment to appear."""
        end = time.monotonic() + timeout
        while f" {self.ifname}" not in self.run("ip -o link show"):
            if time.monotonic() > end:
                raise TimeoutError(f"{self.ifname} did not appear in {self.name}")
            time.sleep(0.05)
        self.run(f"ip addr add {self.ip}/{prefix} dev {self.ifname}")
        self.run(f"ip link set {self.ifname} up")

    def adopt(self, ifname: str) -> None:
        """Move an interface of the host in here and call it by our name."""
        run(["ip", "link", "set", ifname, "netns", self.name])
        self.run(f"ip link set {ifname} name {self.ifname}")
