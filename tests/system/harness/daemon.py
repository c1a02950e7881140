# SPDX-License-Identifier: BSD-3-Clause
"""A private vswitchd: own socket, own configuration file, ended with the world."""

import json
import os
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .books import check_books
from .ctl import Ctl
from .paths import VSWITCHD
from .proc import Process, wait_until
from .world import World


class Daemon:
    """Start, kill, restart; `ctl` talks to it."""

    def __init__(
        self,
        world: World,
        *options: str,
        memory: int = 256,
        hugepages: str = "never",
        env: Mapping[str, str] | None = None,
        start: bool = True,
    ) -> None:
        self.world = world
        self.dir = world.dir / world.name("d")
        self.dir.mkdir()
        self.socket = self.dir / "ctl.sock"
        self.config = self.dir / "config.json"
        self.env = env
        self.options = ["--hugepages", hugepages, "--memory", str(memory), *options]
        self.ctl = Ctl(self.socket)
        self.process: Process | None = None
        self.start_seconds = 0.0
        if start:
            self.start()

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def command(self) -> list[str]:
        """The command line of this instance."""
        base = [str(VSWITCHD), "--socket", str(self.socket), "--config", str(self.config)]
        return base + self.options

    def vhost_socket(self, port: str) -> Path:
        """Where the socket of a vhost-user port is unless it says otherwise."""
        return self.dir / "vhost" / f"{port}.sock"

    def launch(self) -> Process:
        """Start the program without waiting for it."""
        process = self.world.spawn("vswitchd", self.command(), env=self.env)
        self.process = process
        # What was started after it has ended by then: guests, namespaces, traffic.
        self.world.defer(lambda: self.check_books(process))
        return process

    def check_books(self, process: Process) -> None:
        """No packet may have disappeared, unless the daemon that counted has ended."""
        if process.alive() and self.ping():
            check_books(self)

    def start(self, timeout: float = 20.0) -> None:
        """Start it and wait until it answers."""
        process = self.launch()

        def ready() -> bool:
            if not process.alive():
                raise RuntimeError(f"vswitchd ended at start\n{process.describe()}")
            return self.ping()

        wait_until("vswitchd answers", ready, timeout, interval=0.01)
        self.start_seconds = time.monotonic() - process.started

    def call(self, method: str, params: Any = None, timeout: float = 5.0) -> Any:
        """One JSON-RPC call of our own, so that no other program is needed. The reply object."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(timeout)
            peer.connect(str(self.socket))
            peer.sendall(json.dumps(request).encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                piece = peer.recv(65536)
                if not piece:
                    break
                data += piece
        return json.loads(data)

    def ping(self) -> bool:
        """Whether it answers now."""
        try:
            return "result" in self.call("ping", timeout=2.0)
        except (OSError, ValueError):
            return False

    def kill(self) -> None:
        """kill -9: no clean-up of its own."""
        assert self.process
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(5)

    def terminate(self, timeout: float = 10.0) -> tuple[int, float]:
        """SIGTERM; the exit status and how long it took."""
        assert self.process
        start = time.monotonic()
        os.kill(self.process.pid, signal.SIGTERM)
        status = self.process.wait(timeout)
        return status, time.monotonic() - start

    def status(self, field: str) -> int:
        """A number of /proc/PID/status: VmRSS in KiB, Threads, ..."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def descriptors(self) -> int:
        """How many files it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait_port(self, port: str, status: str = "up", timeout: float = 10.0) -> dict[str, Any]:
        """Until the port's oper-status is this one; its data."""

        def settled() -> dict[str, Any] | None:
            data = self.ctl.port(port)
            return data if data.get("oper-status") == status else None

        try:
            return wait_until(f"port {port} is {status}", settled, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {self.ctl.port(port)}") from None
