#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""tap, af-packet and af-xdp ports carry TCP between kernels, not only ping."""

from dataclasses import dataclass, field
from itertools import permutations

from harness import (Daemon, Netns, Suite, World, af_packet, af_xdp, check, check_equal, iperf,
                     ping, tap, tcp_transfer, udp_stream)


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


if __name__ == "__main__":
    suite.main()
