# SPDX-License-Identifier: BSD-3-Clause
"""What every measured switch offers to the scenarios."""

from dataclasses import dataclass, field
from pathlib import Path

from harness.netns import Netns
from harness.proc import Process
from harness.world import World

from ..errors import Unavailable
from ..machine import Cpus


@dataclass
class Setup:
    """How a switch is started. Each switch takes what it has and refuses what it cannot do."""

    poll: bool = True  # False: it may sleep
    memory: int = 512  # MiB of packet memory; 0: the switch's own default
    hugepages: bool = True
    fdb_limit: int = 0  # addresses; 0: its default
    tso: bool = False  # large segments are offered to the guests
    rules: int = 0  # like an access list's
    apart: bool = False  # and some by which each connection is a flow of its own (rules.py)
    flows: int = 0  # that the switch should remember; 0: its default


@dataclass(frozen=True)
class Socket:
    """Where a vhost-user port meets its generator."""

    path: Path
    generator_listens: bool


@dataclass(frozen=True)
class Account:
    """What the switch says of itself since it began: cycles spent on packets, packets received."""

    busy_cycles: float
    packets: float

    def per_packet(self, before: "Account") -> float:
        """Busy cycles of a packet since then; 0: nothing was received."""
        packets = self.packets - before.packets
        return (self.busy_cycles - before.busy_cycles) / packets if packets > 0 else 0.0


@dataclass
class Switch:
    """One switch on one CPU. add_*() first, then ready(), then traffic.

    Its processes end with the world. What it does not have raises Unavailable.
    """

    world: World
    cpus: Cpus
    setup: Setup = field(default_factory=Setup)
    process: Process | None = None

    name = "?"
    title = "?"

    def start(self) -> None:
        """Start the processes, without ports."""

    def add_vhost(self, name: str) -> Socket:
        """A vhost-user port on the one bridge."""
        raise Unavailable(f"{self.title} has no such vhost-user port here")

    def add_interface(self, name: str, ifname: str) -> None:
        """A port on an interface of the kernel."""
        raise Unavailable(f"{self.title} has no port on a kernel interface here")

    def add_tap(self, name: str, netns: Netns) -> None:
        """A port with an interface of its own, which is the namespace's."""
        raise Unavailable(f"{self.title} has no tap port here")

    def add_device(self, name: str, device: str) -> None:
        """A port on a virtual device of DPDK: its driver's name and options."""
        raise Unavailable(f"{self.title} has no port on such a device here")

    def add_address(self, name: str, mac: str) -> None:
        """A static MAC address of a port."""

    def program(self, path: Path) -> None:
        """The flow rules of a file, all or none, by the switch's own command."""
        raise Unavailable(f"{self.title} has no flow rules here")

    def add_one(self, kind: str, name: str) -> None:
        """A port of type vhost-user or fake, by the switch's own command."""
        raise Unavailable(f"{self.title} has no port of type {kind} here")

    def add_many(self, kind: str, names: list[str]) -> None:
        """The same for many at once."""
        for name in names:
            self.add_one(kind, name)

    def delete(self, name: str) -> None:
        """Take a port away, by the switch's own command."""
        raise Unavailable(f"{self.title} deletes no port here")

    def stop(self) -> None:
        """End the daemon; what it is configured to do stays."""
        raise Unavailable(f"{self.title} keeps no configuration")

    def restart(self) -> None:
        """Start the daemon again, without waiting for it."""
        raise Unavailable(f"{self.title} keeps no configuration")

    def ready(self) -> None:
        """All ports are added."""

    def account(self) -> Account:
        """Its own account of its work."""
        raise Unavailable(f"{self.title} tells no cycles")

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def check_alive(self) -> None:
        """Raise when it has ended."""
        if self.process and not self.process.alive():
            raise RuntimeError(f"{self.title} ended during the run\n{self.process.describe(15)}")
