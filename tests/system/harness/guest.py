# SPDX-License-Identifier: BSD-3-Clause
"""QEMU guests (TCG) with vhost-user interfaces, driven over a second serial port."""

import base64
import copy
import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .paths import guest_image
from .proc import Process, wait_until
from .qmp import Qmp
from .world import World

BOOT_TIMEOUT = 60.0


@dataclass
class Nic:
    """One vhost-user interface. `mode` is the port's: a client port wants QEMU to listen.

    `properties` are more of the device's, each with a comma before it: ",packed=on,csum=off".
    """

    socket: Path
    mac: str
    queues: int = 1
    mode: str = "server"
    properties: str = ""


class GuestJob:
    """A script that runs in a guest."""

    def __init__(self, guest: "Guest", number: int, script: str) -> None:
        self.guest = guest
        self.number = number
        self.script = script

    def wait(self, timeout: float = 60.0) -> str:
        """Its output; an error if it failed."""
        status, output = self.guest.reply(self.number, timeout)
        if status != 0:
            raise RuntimeError(f"in the guest: {self.script}: status {status}: {output}")
        return output

    def stop(self) -> None:
        """Nothing to do: what runs in a guest ends with it."""


@dataclass
class Leg:
    """One of several interfaces of a guest or namespace, as an endpoint of traffic."""

    host: Any
    ifname: str
    ip: str

    @property
    def trafgen(self) -> Any:
        return self.host.trafgen

    def run(self, script: str, timeout: float = 30.0) -> str:
        return self.host.run(script, timeout)

    def start(self, script: str) -> Any:
        return self.host.start(script)


class Guest:
    """Boots on boot(); run() and start() take shell scripts.

    `backing` is the -object that is the memory, without id and size; `machine` more options of
    -machine and -m's suffix is `slots`; `options` go to the end of the command line. With `reboot`
    the machine survives a reset.
    """

    trafgen = "trafgen"

    def __init__(
        self,
        world: World,
        nics: list[Nic],
        *,
        ip: str = "",
        memory: int = 160,
        cpus: int = 1,
        backing: str = "memory-backend-memfd,share=on",
        slots: str = "",
        reboot: bool = False,
        options: Sequence[str] = (),
        boot: bool = True,
    ) -> None:
        self.world = world
        self.nics = nics
        self.ip = ip
        self.ifname = "eth0"
        self.memory = memory
        self.cpus = cpus
        self.backing = backing
        self.slots = slots
        self.reboot = reboot
        self.options = list(options)
        self.name = world.name("vm")
        self.process: Process | None = None
        self.boot_seconds = 0.0
        self._peer: socket.socket | None = None
        self._monitor: Qmp | None = None
        self._input = b""
        self._next = 1
        self._replies: dict[int, tuple[int, str]] = {}
        self.image = guest_image()
        if boot:
            self.boot()

    def command(self) -> list[str]:
        """The command line: the one the documentation shows, with a direct kernel boot."""
        words = f"""qemu-system-x86_64 -nodefaults -no-user-config -display none
            -machine pc,accel=tcg,usb=off -cpu max -smp {self.cpus} -m {self.memory}M{self.slots}
            -object {self.backing},id=mem,size={self.memory}M -numa node,memdev=mem
            -qmp unix:{self.monitor},server=on,wait=off
            -serial file:{self.world.dir}/{self.name}.console
            -serial unix:{self.control},server=on,wait=off
            -kernel {self.image}/vmlinuz -initrd {self.image}/initramfs""".split()
        words += ["-append", "console=ttyS0 quiet panic=-1 mitigations=off"]
        for index, nic in enumerate(self.nics):
            side = "server=on" if nic.mode == "client" else "reconnect=1"
            multi = nic.queues > 1
            words += ["-chardev", f"socket,id=c{index},path={nic.socket},{side}"]
            netdev = f"vhost-user,id=n{index},chardev=c{index}"
            words += ["-netdev", netdev + (f",queues={nic.queues}" if multi else "")]
            device = f"virtio-net-pci,netdev=n{index},mac={nic.mac},disable-legacy=on,vectors=0"
            device += ",romfile="
            if multi:
                device += ",mq=on"
            words += ["-device", device + nic.properties]
        return words + ([] if self.reboot else ["-no-reboot"]) + self.options

    @property
    def control(self) -> Path:
        return self.world.dir / f"{self.name}.ctl"

    @property
    def monitor(self) -> Path:
        return self.world.dir / f"{self.name}.qmp"

    @property
    def qmp(self) -> Qmp:
        """QEMU's monitor."""
        if not self._monitor:
            self._monitor = Qmp(self.monitor)
        return self._monitor

    def launch(self) -> None:
        """Start QEMU without waiting for the guest."""
        self.control.unlink(missing_ok=True)
        self.process = self.world.spawn(self.name, self.command())

    def boot(self, timeout: float = BOOT_TIMEOUT) -> None:
        """Start QEMU and wait until the guest serves commands."""
        self.launch()
        self.wait_ready(timeout)

    def wait_ready(self, timeout: float = BOOT_TIMEOUT) -> None:
        """Until the guest answers a first command."""
        assert self.process
        began = time.monotonic()
        self.connect(timeout)
        while True:
            job = self.start("true")
            try:
                job.wait(0.5)
                break
            except TimeoutError:
                if not self.process.alive():
                    raise RuntimeError(f"QEMU ended\n{self.process.describe()}") from None
                if time.monotonic() - began > timeout:
                    raise TimeoutError(f"guest not up in {timeout} s\n{self.where()}") from None
        self.boot_seconds = time.monotonic() - self.process.started

    def connect(self, timeout: float = BOOT_TIMEOUT) -> None:
        """Take QEMU's serial port, there as soon as QEMU is."""
        assert self.process

        def connected() -> socket.socket | None:
            if not self.process.alive():
                raise RuntimeError(f"QEMU ended\n{self.process.describe()}")
            peer = socket.socket(socket.AF_UNIX)
            try:
                peer.connect(str(self.control))
                return peer
            except OSError:
                peer.close()
                return None

        self._peer = wait_until("QEMU's serial port", connected, timeout)
        self._peer.settimeout(10)
        self._input = b""

    def console(self) -> str:
        """What the guest's kernel printed."""
        path = self.world.dir / f"{self.name}.console"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def where(self) -> str:
        """What QEMU's threads do and what the guest's kernel said last, for a failure."""
        assert self.process
        lines = [""]
        for task in sorted(Path(f"/proc/{self.process.pid}/task").glob("*")):
            state = (task / "stat").read_text().rsplit(")", 1)[1].split()
            name = (task / "comm").read_text().strip()
            lines.append(f"{name}: {state[0]}, {int(state[11]) + int(state[12])} ticks, "
                         f"in {(task / 'wchan').read_text()}")
        return "\n".join(lines) + f"\nconsole: {self.console()[-1500:]}"

    def start(self, script: str) -> GuestJob:
        """Start a shell script in the guest."""
        assert self._peer
        number = self._next
        self._next += 1
        line = f"\n{number} {base64.b64encode(script.encode()).decode()}\n"
        self._peer.sendall(line.encode())
        return GuestJob(self, number, script)

    def run(self, script: str, timeout: float = 30.0) -> str:
        """Run a shell script in the guest; its output."""
        return self.start(script).wait(timeout)

    def reply(self, number: int, timeout: float) -> tuple[int, str]:
        """Status and output of a script."""
        assert self._peer and self.process
        end = time.monotonic() + timeout
        while number not in self._replies:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self.name}: no answer within {timeout:g} s{self.where()}")
            if not select.select([self._peer], [], [], min(left, 0.5))[0]:
                continue
            piece = self._peer.recv(65536)
            if not piece or not self.process.alive():
                raise RuntimeError(f"QEMU closed its serial port\n{self.process.describe()}")
            self._input += piece
            *lines, self._input = self._input.split(b"\n")
            for line in lines:
                self._take(line)
        return self._replies.pop(number)

    def _take(self, line: bytes) -> None:
        words = line.strip().split(b" ")
        if len(words) >= 2 and words[0].startswith(b"@") and words[0][1:].isdigit():
            text = base64.b64decode(words[2]) if len(words) > 2 else b""
            self._replies[int(words[0][1:])] = (int(words[1]), text.decode(errors="replace"))

    def configure(self, prefix: int = 24) -> None:
        """Bring the interface up with its address."""
        self.run(f"ip addr add {self.ip}/{prefix} dev {self.ifname}; "
                 f"ip link set {self.ifname} up")

    def reset(self) -> None:
        """The reset button; wait_ready() and configure() follow. Needs `reboot`."""
        self.drop_connections()
        self._replies.clear()
        self.qmp("system_reset")

    def twin(self, nics: list[Nic], *options: str) -> "Guest":
        """The same machine as another process, not launched: the target of a migration."""
        other = copy.copy(self)
        other.name = self.world.name("vm")
        other.nics = nics
        other.options = [*self.options, *options]
        other.process = other._peer = other._monitor = None
        return other

    def move(self, target: "Guest") -> None:
        """The machine runs as `target` from now on, jobs included; its old process is ended."""
        assert self.process and self._peer
        self.process.stop(1.0)
        try:
            while piece := self._peer.recv(65536):
                self._input += piece
        except ConnectionResetError:
            pass
        self.name, self.nics, self.process = target.name, target.nics, target.process
        self.drop_connections()
        self._peer, self._monitor = target._peer, target._monitor

    def kill(self) -> None:
        """kill -9 of QEMU."""
        assert self.process
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(5)
        self.drop_connections()
        self._replies.clear()

    def drop_connections(self) -> None:
        """Forget serial port and monitor."""
        for peer in (self._peer, self._monitor):
            if peer:
                peer.close()
        self._peer = self._monitor = None
