# SPDX-License-Identifier: BSD-3-Clause
"""QEMU guests (TCG) with vhost-user interfaces, driven over a second serial port."""

import base64
import os
import select
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from .paths import guest_image
from .proc import Process, wait_until
from .world import World

BOOT_TIMEOUT = 60.0


@dataclass
class Nic:
    """One vhost-user interface. `mode` is the port's: a client port wants QEMU to listen."""

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


class Guest:
    """Boots on start(); run() and start_job() take shell scripts."""

    trafgen = "trafgen"

    def __init__(
        self,
        world: World,
        nics: list[Nic],
        *,
        ip: str = "",
        memory: int = 160,
        cpus: int = 1,
        share: bool = True,
        boot: bool = True,
    ) -> None:
        self.world = world
        self.nics = nics
        self.ip = ip
        self.ifname = "eth0"
        self.memory = memory
        self.cpus = cpus
        self.share = share
        self.name = world.name("vm")
        self.process: Process | None = None
        self.boot_seconds = 0.0
        self._peer: socket.socket | None = None
        self._input = b""
        self._next = 1
        self._replies: dict[int, tuple[int, str]] = {}
        self.image = guest_image()
        if boot:
            self.boot()

    def command(self) -> list[str]:
        """The command line: the one the documentation shows, with a direct kernel boot."""
        backend = "memory-backend-memfd,share=on" if self.share else "memory-backend-ram"
        words = f"""qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
            -machine pc,accel=tcg,usb=off -cpu max -smp {self.cpus} -m {self.memory}M
            -object {backend},id=mem,size={self.memory}M -numa node,memdev=mem
            -serial file:{self.world.dir}/{self.name}.console
            -serial unix:{self.control},server=on,wait=off
            -kernel {self.image}/vmlinuz -initrd {self.image}/initramfs""".split()
        words += ["-append", "console=ttyS0 quiet panic=-1 mitigations=off"]
        for index, nic in enumerate(self.nics):
            side = "server=on" if nic.mode == "client" else "reconnect=1"
            multi = f",mq=on,queues={nic.queues}" if nic.queues > 1 else ""
            words += ["-chardev", f"socket,id=c{index},path={nic.socket},{side}"]
            netdev = f"vhost-user,id=n{index},chardev=c{index}"
            words += ["-netdev", netdev + (f",queues={nic.queues}" if nic.queues > 1 else "")]
            device = f"virtio-net-pci,netdev=n{index},mac={nic.mac},disable-legacy=on,vectors=0"
            device += ",romfile="
            if multi:
                device += ",mq=on"
            words += ["-device", device + nic.properties]
        return words

    @property
    def control(self) -> Path:
        return self.world.dir / f"{self.name}.ctl"

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
        start = self.process.started

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
        while True:
            job = self.start("true")
            try:
                job.wait(0.5)
                break
            except TimeoutError:
                if not self.process.alive():
                    raise RuntimeError(f"QEMU ended\n{self.process.describe()}") from None
                if time.monotonic() - start > timeout:
                    raise TimeoutError(f"guest not up in {timeout} s\n{self.where()}") from None
        self.boot_seconds = time.monotonic() - start

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

    def kill(self) -> None:
        """kill -9 of QEMU."""
        assert self.process
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(5)
        self._close()

    def _close(self) -> None:
        if self._peer:
            self._peer.close()
            self._peer = None
        self._replies.clear()
