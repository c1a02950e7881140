#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""tap, af-packet and af-xdp ports carry TCP between kernels, not only ping."""

from dataclasses import dataclass
from itertools import permutations

from harness import (Daemon, Netns, Suite, World, af_packet, af_xdp, check, check_equal, iperf,
                     ping, tap, tcp_transfer, udp_stream)


@dataclass
class Lab:
    """A namespace behind a port of each type."""

    daemon: Daemon
    ends: dict[str, Netns]


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    ends = {
        "tap": tap(world, daemon, "t1", "10.2.0.1"),
        "af-packet": af_packet(world, daemon, "p1", "10.2.0.2"),
        "af-xdp": af_xdp(world, daemon, "x1", "10.2.0.3"),
    }
    return Lab(daemon, ends)


suite = Suite("kernel ports", lab)


def add_pair(one: str, other: str) -> None:
    @suite.case(f"{one} to {other}: ping, UDP and TCP arrive whole")
    def transfer(on: Lab) -> None:
        src, dst = on.ends[one], on.ends[other]
        ping(src, dst)
        udp_stream(src, dst, rate=2000, seconds=1, size=1400)
        udp_stream(src, dst, rate=50, seconds=1, size=9000)
        tcp_transfer(src, dst, size=32 << 20)


for first, second in permutations(("tap", "af-packet", "af-xdp"), 2):
    add_pair(first, second)


@suite.case("iperf3 figures")
def figures(on: Lab) -> None:
    for one, other in permutations(on.ends, 2):
        iperf(on.ends[one], on.ends[other], seconds=1)


@suite.case("nothing was dropped for a segment that could not be cut, or as invalid")
def no_silent_loss(on: Lab) -> None:
    for port in ("t1", "p1", "x1"):
        drops = on.daemon.ctl.drops(port)
        for reason in ("segment-failed", "offload-invalid", "rx-oversize", "tx-failed"):
            check_equal(drops.get(reason, 0), 0, f"{port}: drops/{reason}")


@suite.case("a VLAN keeps ports apart, and joins those that are in it")
def vlans(on: Lab) -> None:
    ctl, ends = on.daemon.ctl, on.ends
    ctl("port", "set", "t1", "vlan=10")
    ctl("port", "set", "p1", "vlan=10")
    ctl("port", "set", "x1", "vlan=20")
    ping(ends["tap"], ends["af-packet"])
    tcp_transfer(ends["tap"], ends["af-packet"])
    answer = ends["tap"].run(f"{ends['tap'].trafgen} ping --to {ends['af-xdp'].ip} --seconds 1")
    check('"received":0' in answer, f"a ping crossed VLANs: {answer}")


@suite.case("a port that is not enabled passes nothing; then it does again")
def disabled(on: Lab) -> None:
    ctl, ends = on.daemon.ctl, on.ends
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
