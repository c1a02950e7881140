#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""tap, af-packet and af-xdp ports carry TCP between kernels, not only ping."""

import time
from dataclasses import dataclass, field
from itertools import permutations

from harness import (Daemon, Netns, Suite, World, af_packet, af_xdp, check, check_equal, iperf,
                     note, ping, tap, tcp_transfer, udp_stream)
from harness.held import held
from harness.proc import wait_until
from harness.traffic import result

# Frames to a reserved address: the switch takes them and sends them nowhere.
FLOOD = """
import json, socket
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
frame = bytes.fromhex("0180c200000e" "020000000001" "88b5") + bytes(1400)
refused = 0
for i in range({frames}):
    try:
        link.send(frame)
    except OSError:
        refused += 1
print(json.dumps({{"refused": refused}}))
"""

PORTS = {"tap": (tap, "t1", "10.2.0.1"), "af-packet": (af_packet, "p1", "10.2.0.2"),
         "af-xdp": (af_xdp, "x1", "10.2.0.3")}


@dataclass
class Lab:
    """A namespace behind a port of each type, made when first asked for."""

    world: World
    daemon: Daemon
    made: dict[str, Netns] = field(default_factory=dict)

    def end(self, kind: str) -> Netns:
        """The namespace behind the port of this type."""
        if kind not in self.made:
            make, port, ip = PORTS[kind]
            self.made[kind] = make(self.world, self.daemon, port, ip)
        return self.made[kind]


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    return Lab(world, daemon)


suite = Suite("kernel ports", lab)


def add_pair(one: str, other: str) -> None:
    @suite.case(f"{one} to {other}: ping, UDP and TCP arrive whole")
    def transfer(on: Lab) -> None:
        src, dst = on.end(one), on.end(other)
        ping(src, dst)
        udp_stream(src, dst, rate=2000, seconds=1, size=1400)
        udp_stream(src, dst, rate=50, seconds=1, size=9000)
        tcp_transfer(src, dst, size=32 << 20)


for first, second in permutations(PORTS, 2):
    add_pair(first, second)


@suite.case("iperf3 figures")
def figures(on: Lab) -> None:
    for one, other in permutations(PORTS, 2):
        iperf(on.end(one), on.end(other), seconds=1)


@suite.case("nothing was dropped for a segment that could not be cut, or as invalid")
def no_silent_loss(on: Lab) -> None:
    for port in ("t1", "p1", "x1"):
        drops = on.daemon.ctl.drops(port)
        for reason in ("segment-failed", "offload-invalid", "rx-oversize", "tx-failed"):
            check_equal(drops.get(reason, 0), 0, f"{port}: drops/{reason}")


@suite.case("a VLAN keeps ports apart, and joins those that are in it")
def vlans(on: Lab) -> None:
    ctl, ends = on.daemon.ctl, {kind: on.end(kind) for kind in PORTS}
    ctl("port", "set", "t1", "vlan=10")
    ctl("port", "set", "p1", "vlan=10")
    ctl("port", "set", "x1", "vlan=20")
    ping(ends["tap"], ends["af-packet"])
    tcp_transfer(ends["tap"], ends["af-packet"])
    answer = ends["tap"].run(f"{ends['tap'].trafgen} ping --to {ends['af-xdp'].ip} --seconds 1")
    check('"received":0' in answer, f"a ping crossed VLANs: {answer}")


@suite.case("a port that is not enabled passes nothing; then it does again")
def disabled(on: Lab) -> None:
    ctl, ends = on.daemon.ctl, {kind: on.end(kind) for kind in PORTS}
    for port in ("t1", "p1", "x1"):
        ctl("port", "set", port, "vlan=10")
    ping(ends["tap"], ends["af-xdp"])
    ctl("port", "set", "x1", "enabled=false")
    answer = ends["tap"].run(f"{ends['tap'].trafgen} ping --to {ends['af-xdp'].ip} --seconds 1")
    check('"received":0' in answer, f"a disabled port passed a ping: {answer}")
    ctl("port", "set", "x1", "enabled=true")
    ping(ends["tap"], ends["af-xdp"])


REASONS = {"tap": "tap-full", "af-packet": "socket-full", "af-xdp": "xdp-no-frame"}


def counted(on: Lab, port: str) -> tuple[int, dict[str, int]]:
    """Frames that a port has received, and those that were lost before, by reason."""
    statistics = on.daemon.ctl.port(port)["statistics"]
    missed = {reason: int(n) for reason, n in statistics["missed"].items() if int(n)}
    return int(statistics["rx-packets"]), missed


def flood(on: Lab, where: Netns, frames: int, kind: str) -> int:
    """Send frames to a port whose worker does not run; how many the port's side has got."""
    with held(on.daemon):
        answer = result(where.run(f"python3 -c '{FLOOD.format(frames=frames)}'"))
    # A tap that has no room says so to the sender, and counts the frame; a veth has not got it.
    return frames if kind == "tap" else frames - answer["refused"]


def settled(on: Lab, port: str, sent: int) -> tuple[int, dict[str, int]]:
    """What is counted when as many as were sent have been."""
    def there() -> bool:
        received, missed = counted(on, port)
        return received + sum(missed.values()) >= sent

    wait_until(f"{port} has {sent} frames", there, 5)
    time.sleep(0.2)
    return counted(on, port)


def add_overflow(kind: str, port: str) -> None:
    @suite.case(f"{kind}: what a worker that is late has not got is counted, to the frame")
    def overflow(on: Lab) -> None:
        ctl, reason = on.daemon.ctl, REASONS[kind]
        where = on.end(kind)
        ctl("stats", "--clear", port)
        check_equal(counted(on, port), (0, {}), "after clear-counters")
        sent = flood(on, where, 12000, kind)
        received, missed = settled(on, port, sent)
        note(f"{kind}: {sent} sent, {received} received, lost before: {missed}")
        check_equal(list(missed), [reason], "reasons")
        check_equal(received + missed[reason], sent, "received and lost before")
        check(f"{reason}" in ctl("port", "show", port), "port show does not tell")
        shown = ctl("drops", port)
        check("lost before the switch had them" in shown and reason in shown, shown)
        check("lost before" not in ctl("drops", port, "--reason", "runt"), "another reason")
        # Again, and with another device.
        sent += flood(on, where, 12000, kind)
        received, again = settled(on, port, sent)
        check_equal(received + again[reason], sent, "received and lost before, again")
        ctl("port", "set", port, "mtu=1400" if kind == "af-xdp" else "queues=2")
        check_equal(counted(on, port)[1], again, "after the device was opened again")
        ctl("stats", "--clear")
        check_equal(counted(on, port)[1], {}, "after clear-counters of all")
        check("lost before" not in ctl("drops"), "drops tells of nothing")


for kind_, (_, port_, _) in PORTS.items():
    add_overflow(kind_, port_)


@suite.case("a tap that was moved to another namespace: the same")
def moved(on: Lab) -> None:
    there = Netns(on.world, PORTS["tap"][2])
    on.daemon.ctl("stats", "--clear", "t1")
    on.end("tap").run(f"ip link set eth0 netns {there.name}")
    there.configure()
    on.daemon.wait_port("t1")
    before = counted(on, "t1")[0]
    sent = flood(on, there, 4000, "tap") + before
    received, missed = settled(on, "t1", sent)
    check_equal(received + missed["tap-full"], sent, "received and lost before")


if __name__ == "__main__":
    suite.main()
