# SPDX-License-Identifier: BSD-3-Clause
"""Open vSwitch with DPDK, Debian's package, with a database and sockets of its own."""

import re
import shutil
from pathlib import Path

from harness.netns import Netns
from harness.proc import Process, run, wait_until

from .. import rules
from ..errors import Unavailable
from .base import Account, Socket, Switch

DAEMON = Path("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk")
SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")


class Ovs(Switch):
    """One netdev bridge with action NORMAL and one PMD thread."""

    name = "ovs"
    title = "Open vSwitch"

    def start(self) -> None:
        self.start_database()
        self.start_daemon()
        self.add_bridge()

    def start_database(self) -> None:
        """ovsdb-server with the settings in it."""
        for needed in (DAEMON, SCHEMA):
            if not needed.exists():
                raise Unavailable(f"{needed} is missing; apt-get install openvswitch-switch-dpdk")
        if not shutil.which("ovsdb-server"):
            raise Unavailable("ovsdb-server is missing; apt-get install openvswitch-switch-dpdk")
        self.folder = self.world.dir / self.world.name("ovs")
        self.folder.mkdir()
        self.socket = self.folder / "db.sock"
        self.env = {f"OVS_{name}DIR": str(self.folder) for name in ("RUN", "LOG", "DB")}
        database = self.folder / "conf.db"
        run(["ovsdb-tool", "create", str(database), str(SCHEMA)])
        server = self.world.spawn(
            "ovsdb", ["ovsdb-server", str(database), f"--remote=punix:{self.socket}"], env=self.env)

        def there() -> bool:
            if not server.alive():
                raise RuntimeError(f"ovsdb-server ended: {server.output().strip()}")
            return self.socket.exists()

        wait_until("ovsdb answers", there, 5)
        self.vsctl("--no-wait", "init")
        mask = f"{1 << self.cpus.switch:#x}"
        memory = "" if self.setup.hugepages else f"--no-huge -m {self.setup.memory or 512}"
        settings = ["dpdk-init=true", f"pmd-cpu-mask={mask}",
                    f'dpdk-extra="--no-pci --in-memory --no-telemetry {memory}"',
                    "vhost-sock-dir=."]
        if self.setup.hugepages and self.setup.memory:
            settings.append(f"dpdk-socket-mem={self.setup.memory}")
        if self.setup.tso:
            settings.append("userspace-tso-enable=true")
        if not self.setup.poll:
            settings.append("pmd-maxsleep=500")
        for setting in settings:
            self.vsctl("--no-wait", "set", "Open_vSwitch", ".", f"other_config:{setting}")

    def start_daemon(self) -> Process:
        """ovs-vswitchd on what the database says."""
        self.process = self.world.spawn("ovs", [DAEMON, f"unix:{self.socket}"], env=self.env)
        return self.process

    def add_bridge(self) -> None:
        """br0, and what the setup asks of it."""
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        if self.setup.fdb_limit:
            self.vsctl("set", "bridge", "br0",
                       f"other_config:mac-table-size={self.setup.fdb_limit}")
        if self.setup.rules:
            self.add_rules()

    def add_rules(self) -> None:
        """Those that the setup asks for; the rest goes to NORMAL."""
        lines = rules.access_list(self.setup.rules, True)
        self.program(rules.write(self.world, lines + (rules.apart() if self.setup.apart else [])))

    def program(self, path: Path) -> None:
        """The rules of a file, all or none."""
        run(["ovs-ofctl", "--bundle", "add-flows", f"unix:{self.folder}/br0.mgmt", str(path)], 120)

    def vsctl(self, *words: str, timeout: int = 30) -> str:
        """ovs-vsctl; its output."""
        try:
            return run(["ovs-vsctl", f"--db=unix:{self.socket}", f"--timeout={timeout}", *words],
                       timeout + 5)
        except RuntimeError as error:
            last = self.process.describe(5) if self.process else ""
            raise RuntimeError(f"{error}\n{last}") from None

    def appctl(self, *words: str) -> str:
        """ovs-appctl; its output."""
        control = next(self.folder.glob("ovs-vswitchd*.ctl"))
        return run(["ovs-appctl", "-t", str(control), *words])

    def add(self, name: str, *interface: str) -> None:
        """A port on the bridge."""
        settings = ["--", "set", "Interface", name, *interface] if interface else []
        self.vsctl("add-port", "br0", name, *settings)

    def add_vhost(self, name: str) -> Socket:
        self.add_one("vhost-user", name)
        return Socket(self.folder / f"{name}.sock", True)

    def add_interface(self, name: str, ifname: str) -> None:
        self.add(ifname)

    def add_tap(self, name: str, netns: Netns) -> None:
        ifname = self.world.name("vt")
        self.add(ifname, "type=internal")
        netns.adopt(ifname)

    def _interface(self, kind: str, name: str) -> list[str]:
        if kind != "vhost-user":
            raise Unavailable(f"{self.title} has no port of type {kind}")
        path = self.folder / f"{name}.sock"
        return ["add-port", "br0", name, "--", "set", "Interface", name,
                "type=dpdkvhostuserclient", f"options:vhost-server-path={path}"]

    def add_one(self, kind: str, name: str) -> None:
        self.vsctl(*self._interface(kind, name))

    def add_many(self, kind: str, names: list[str]) -> None:
        words: list[str] = []
        for name in names:
            words += ["--", *self._interface(kind, name)]
        self.vsctl(*words, timeout=120)

    def delete(self, name: str) -> None:
        self.vsctl("del-port", "br0", name)

    def stop(self) -> None:
        self.appctl("exit")
        assert self.process
        self.process.wait(10)

    def restart(self) -> None:
        self.start_daemon()

    def add_device(self, name: str, device: str) -> None:
        self.add(name, "type=dpdk", f'options:dpdk-devargs="{device}"')

    def add_address(self, name: str, mac: str) -> None:
        self.appctl("fdb/add", "br0", name, "0", mac)

    def account(self) -> Account:
        cycles = packets = 0
        text = self.appctl("dpif-netdev/pmd-stats-show").split("main thread")[0]
        for block in text.split("pmd thread")[1:]:
            found = dict(re.findall(r"^\s+([a-z ]+): (\d+)", block, re.M))
            cycles += int(found.get("processing cycles", 0))
            packets += int(found.get("packets received", 0))
        return Account(cycles, packets)
