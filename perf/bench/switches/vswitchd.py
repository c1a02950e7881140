# SPDX-License-Identifier: BSD-3-Clause
"""Our own switch, from the build folder."""

from pathlib import Path

from harness.daemon import Daemon
from harness.netns import Netns

from .. import rules
from .base import Account, Socket, Switch

DEFAULT_MEMORY = 256  # MiB; what --memory is when it is not given


class Vswitchd(Switch):
    """A learning bridge in one vswitchd with one worker."""

    name = "vswitchd"
    title = "vswitchd"
    backend = "native"  # of its vhost-user ports

    def start(self) -> None:
        setup = self.setup
        options = ["--workers", str(self.cpus.switch)] + (["--poll"] if setup.poll else [])
        options += ["--flows", str(setup.flows)] if setup.flows else []
        self.daemon = Daemon(self.world, *options, memory=setup.memory or DEFAULT_MEMORY,
                             hugepages="require" if setup.hugepages else "never")
        self.process = self.daemon.process
        limit = [f"fdb-limit={setup.fdb_limit}"] if setup.fdb_limit else []
        self.daemon.ctl("bridge", "add", "br0", *limit)
        if setup.rules:
            lines = rules.access_list(setup.rules, False)
            self.program(rules.write(self.world, lines + (rules.apart() if setup.apart else [])))

    def program(self, path: Path) -> None:
        """The rules of a file, all or none."""
        self.daemon.ctl("flow", "add", "br0", "--file", str(path), timeout=120)

    def add(self, name: str, *leaves: str) -> None:
        """A port on the bridge."""
        self.daemon.ctl("port", "add", name, *leaves, "bridge=br0")

    def add_vhost(self, name: str) -> Socket:
        self.add(name, "type=vhost-user", f"backend={self.backend}")
        return Socket(self.daemon.vhost_socket(name), False)

    def add_interface(self, name: str, ifname: str, kind: str = "af-packet") -> None:
        self.add(name, f"type={kind}", f"ifname={ifname}")

    def add_tap(self, name: str, netns: Netns) -> None:
        self.add(name, "type=tap", f"netns={netns.name}", f"ifname={netns.ifname}")

    def add_device(self, name: str, device: str) -> None:
        self.add(name, "type=pci", f"devargs={device}")

    def add_address(self, name: str, mac: str) -> None:
        self.daemon.ctl("fdb", "add", "br0", mac, name)

    def add_one(self, kind: str, name: str) -> None:
        self.add(name, f"type={kind}")

    def add_many(self, kind: str, names: list[str]) -> None:
        reply = self.daemon.call("edit", {"edits": [
            {"op": "create", "path": f"/vswitch:vswitch/port[name='{name}']",
             "value": {"type": kind, "bridge": "br0"}} for name in names]}, timeout=60)
        if "error" in reply:
            raise RuntimeError(f"edit: {reply['error']}")

    def delete(self, name: str) -> None:
        self.daemon.ctl("port", "del", name)

    def stop(self) -> None:
        self.daemon.terminate()

    def restart(self) -> None:
        self.process = self.daemon.launch()

    def account(self) -> Account:
        data = self.daemon.ctl.json("show")["vswitch:vswitch"]["system"]["worker"]
        return Account(sum(int(worker["busy-cycles"]) for worker in data),
                       sum(int(worker["packets"]) for worker in data))


class VswitchdDpdk(Vswitchd):
    """The same switch with DPDK's vhost library behind its vhost-user ports."""

    name = "vswitchd-dpdk"
    title = "vswitchd on DPDK's vhost library"
    backend = "dpdk"
