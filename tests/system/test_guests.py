#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Virtual machines and a namespace on one bridge: traffic arrives whole, and is counted."""

from dataclasses import dataclass

from harness import (Daemon, Guest, Netns, Suite, World, boot, check, check_equal, guest, iperf,
                     note, ping, tap, tcp_transfer, udp_stream)

UDP = {"rate": 300, "seconds": 3, "size": 1200}


@dataclass
class Lab:
    """Two guests of our own back end, one of DPDK's, and a namespace."""

    daemon: Daemon
    vm1: Guest
    vm2: Guest
    library: Guest
    c1: Netns


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    vm1 = guest(world, daemon, "vm1", "10.1.0.1")
    vm2 = guest(world, daemon, "vm2", "10.1.0.2")
    library = guest(world, daemon, "vm3", "10.1.0.4", "backend=dpdk")
    c1 = tap(world, daemon, "c1", "10.1.0.3")
    check_equal(daemon.ctl.port("vm1")["oper-status"], "no-guest", "oper-status before QEMU")
    boot(vm1, vm2, library)
    for port in ("vm1", "vm2", "vm3"):
        daemon.wait_port(port)
    note(f"guests up after {vm1.boot_seconds:.1f} s and {vm2.boot_seconds:.1f} s")
    return Lab(daemon, vm1, vm2, library, c1)


suite = Suite("guests", lab)


def counted_stream(on: Lab, src: Guest | Netns, dst: Guest | Netns) -> None:
    """A stream; an emulated guest may be too slow for a moment, but a loss has a counter."""
    def dropped() -> int:
        return sum(sum(on.daemon.ctl.drops(port).values()) for port in ("vm1", "vm2", "c1"))

    before = dropped()
    got = udp_stream(src, dst, max_lost=9, **UDP)
    counted = dropped() - before
    check(got["lost"] <= counted, f"lost {got['lost']}, but only {counted} drops are counted")


@suite.case("guest pings guest, both ways")
def guest_ping(on: Lab) -> None:
    note(str(ping(on.vm1, on.vm2)))
    ping(on.vm2, on.vm1)


@suite.case("guest pings namespace, both ways")
def netns_ping(on: Lab) -> None:
    note(str(ping(on.c1, on.vm1)))
    ping(on.vm2, on.c1)


@suite.case("UDP between guests arrives whole, both ways")
def guest_udp(on: Lab) -> None:
    counted_stream(on, on.vm1, on.vm2)
    counted_stream(on, on.vm2, on.vm1)


@suite.case("UDP between guest and namespace arrives whole, both ways")
def netns_udp(on: Lab) -> None:
    counted_stream(on, on.vm1, on.c1)
    counted_stream(on, on.c1, on.vm2)


@suite.case("UDP datagrams of every size from small to the MTU")
def sizes(on: Lab) -> None:
    for size in (24, 64, 150, 151, 192, 511, 1024, 1472):
        udp_stream(on.c1, on.vm1, rate=200, seconds=0.5, size=size)
        udp_stream(on.vm1, on.vm2, rate=100, seconds=0.5, size=size, max_lost=5)


@suite.case("UDP datagrams larger than the MTU arrive as fragments")
def fragments(on: Lab) -> None:
    udp_stream(on.c1, on.vm1, rate=20, seconds=1, size=8000)
    udp_stream(on.vm1, on.vm2, rate=20, seconds=1, size=8000)


@suite.case("TCP between guests arrives whole, both ways")
def guest_tcp(on: Lab) -> None:
    tcp_transfer(on.vm1, on.vm2)
    tcp_transfer(on.vm2, on.vm1)


@suite.case("TCP between guest and namespace arrives whole, both ways")
def netns_tcp(on: Lab) -> None:
    tcp_transfer(on.vm1, on.c1)
    tcp_transfer(on.c1, on.vm2)


@suite.case("a guest of librte_vhost: pings and TCP with ours and with the namespace, both ways")
def library_guest(on: Lab) -> None:
    for other in (on.vm1, on.c1):
        ping(on.library, other, count=2)
        ping(other, on.library, count=2)
        tcp_transfer(on.library, other)
        tcp_transfer(other, on.library)


@suite.case("iperf3 between guests and to the namespace")
def figures(on: Lab) -> None:
    iperf(on.vm1, on.vm2)
    iperf(on.c1, on.vm1)
    iperf(on.vm2, on.c1)


@suite.case("ports show what they carried")
def counters(on: Lab) -> None:
    before = on.daemon.ctl.port("vm1")["statistics"]
    ping(on.c1, on.vm1, count=10)
    after = on.daemon.ctl.port("vm1")["statistics"]
    for name in ("rx-packets", "tx-packets"):
        grown = int(after[name]) - int(before[name])
        check(10 <= grown <= 60, f"{name} grew by {grown} in 11 pings")
    fdb = on.daemon.ctl("fdb", "show", "br0")
    for nic in (on.vm1.nics[0], on.vm2.nics[0]):
        check(nic.mac in fdb, f"{nic.mac} is not in the MAC table:\n{fdb}")


@suite.case("a guest that shuts down is gone, and others go on")
def shutdown(on: Lab) -> None:
    on.vm2.start("poweroff -f")
    on.daemon.wait_port("vm2", "no-guest")
    udp_stream(on.c1, on.vm1, rate=200, seconds=1)


if __name__ == "__main__":
    suite.main()
