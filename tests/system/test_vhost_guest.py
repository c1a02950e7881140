#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Linux guests with every kind of virtio device that QEMU makes: what they send and receive with
each ring format and each set of offloads arrives whole."""

import re
from dataclasses import dataclass, field

from harness import (Daemon, Guest, Leg, Netns, Suite, World, boot, check, check_equal, iperf,
                     mac_of, note, ping, tap, tcp_transfer, udp_stream, vhost_port)

# virtio 1.2, 5.1.3 and 6: feature bits.
CSUM, GUEST_CSUM, GUEST_TSO4, HOST_TSO4, MRG_RXBUF, MQ = 0, 1, 7, 11, 15, 22
INDIRECT, EVENT_IDX, VERSION_1, PACKED = 28, 29, 32, 34

NO_OFFLOADS = "".join(f",{side}{name}=off" for side, names in (
    ("", ("csum", "gso")), ("guest_", ("csum", "tso4", "tso6", "ecn", "ufo")),
    ("host_", ("tso4", "tso6", "ecn", "ufo"))) for name in names)


@dataclass
class Kind:
    """A kind of interface: QEMU's properties, the port's leaves, features that the guest must and
    must not have then."""

    name: str
    properties: str = ""
    leaves: tuple[str, ...] = ()
    has: tuple[int, ...] = ()
    lacks: tuple[int, ...] = ()
    queues: int = 1
    mtu: int = 1500


ONE = (
    Kind("default", has=(CSUM, GUEST_CSUM, GUEST_TSO4, HOST_TSO4, MRG_RXBUF, INDIRECT, EVENT_IDX,
                         VERSION_1), lacks=(PACKED,)),
    Kind("packed", ",packed=on", has=(PACKED, MRG_RXBUF, INDIRECT, EVENT_IDX)),
    Kind("no mergeable buffers", ",mrg_rxbuf=off", lacks=(MRG_RXBUF,)),
    Kind("no indirect descriptors", ",indirect_desc=off", lacks=(INDIRECT,)),
    Kind("no event index", ",event_idx=off", lacks=(EVENT_IDX,)),
    Kind("no offloads", NO_OFFLOADS, lacks=(CSUM, GUEST_CSUM, GUEST_TSO4, HOST_TSO4)),
    Kind("checksums only", ",gso=off,guest_tso4=off,guest_tso6=off,host_tso4=off,host_tso6=off",
         has=(CSUM, GUEST_CSUM), lacks=(GUEST_TSO4, HOST_TSO4)),
    Kind("four queues", "", ("queues=4",), has=(MQ,), queues=4),
    Kind("large frames, long rings", ",host_mtu=9000,rx_queue_size=1024,tx_queue_size=1024",
         ("mtu=9000",), mtu=9000),
    Kind("legacy", ",disable-legacy=off,disable-modern=on,mrg_rxbuf=off",
         lacks=(VERSION_1, MRG_RXBUF)),
    Kind("features disabled at the port", ",packed=on",
         ("disable-feature=packed,mergeable,tso",),
         has=(CSUM, GUEST_CSUM), lacks=(PACKED, MRG_RXBUF, GUEST_TSO4, HOST_TSO4)),
)
TWO = (
    Kind("packed", ",packed=on", has=(PACKED,)),
    Kind("packed and bare", ",packed=on,mrg_rxbuf=off,indirect_desc=off,event_idx=off" +
         NO_OFFLOADS, has=(PACKED,), lacks=(MRG_RXBUF, INDIRECT, EVENT_IDX, CSUM)),
)
ETHTOOL = ("tso off", "gso off", "tso off gso off", "tx off", "gro off",
           "tx off gso off gro off", "rx-gro-hw off")


@dataclass
class Lab:
    """Two guests, and a namespace that is in the subnet of each interface of the first."""

    daemon: Daemon
    one: Guest
    two: Guest
    outside: Netns
    legs: list[Leg] = field(default_factory=list)

    def peer(self, index: int) -> Leg:
        return Leg(self.outside, "eth0", f"10.30.{index}.9")


def machine(world: World, daemon: Daemon, name: str, net: int, kinds: tuple[Kind, ...],
            cpus: int) -> Guest:
    """A guest with one interface of each kind, on ports name0, name1, ..."""
    nics = []
    for index, kind in enumerate(kinds):
        ip = f"10.{net}.{index}.1"
        nic = vhost_port(world, daemon, f"{name}{index}", ip, "backend=native", *kind.leaves)
        nic.properties, nic.queues = kind.properties, kind.queues
        nics.append(nic)
    return Guest(world, nics, ip=f"10.{net}.0.1", cpus=cpus, boot=False)


def lab(world: World) -> Lab:
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    one = machine(world, daemon, "a", 30, ONE, 2)
    two = machine(world, daemon, "b", 31, TWO, 1)
    outside = tap(world, daemon, "out", "10.30.0.9", "mtu=9000")
    outside.run("ip link set eth0 mtu 9000")
    outside.run("; ".join(f"ip addr add 10.30.{index}.9/24 dev eth0"
                          for index in range(1, len(ONE))))
    boot(one, two)
    for vm, net, kinds in ((one, 30, ONE), (two, 31, TWO)):
        # One wire with many subnets: each interface answers for its own addresses only.
        vm.run("for leaf in arp_ignore=1 arp_announce=2; do"
               " echo ${leaf#*=} >/proc/sys/net/ipv4/conf/all/${leaf%=*}; done")
        vm.run("; ".join(f"ip addr add 10.{net}.{index}.1/24 dev eth{index};"
                         f" ip link set eth{index} up" for index in range(len(kinds))))
    legs = [Leg(one, f"eth{index}", f"10.30.{index}.1") for index in range(len(ONE))]
    for name, kinds in (("a", ONE), ("b", TWO)):
        for index in range(len(kinds)):
            daemon.wait_port(f"{name}{index}")
    note(f"guests up after {one.boot_seconds:.1f} s and {two.boot_seconds:.1f} s")
    return Lab(daemon, one, two, outside, legs)


suite = Suite("vhost guest", lab)


def features(vm: Guest, ifname: str) -> set[int]:
    """Feature bits that the guest's driver has acknowledged."""
    text = vm.run(f"cat /sys/class/net/{ifname}/device/features").strip()
    return {bit for bit, digit in enumerate(text) if digit == "1"}


@suite.case("guests have the features that were asked for, and no other")
def negotiated(on: Lab) -> None:
    for vm, kinds in ((on.one, ONE), (on.two, TWO)):
        for index, kind in enumerate(kinds):
            found = features(vm, f"eth{index}")
            note(f"{kind.name}: bits {sorted(found)}")
            for bit in kind.has:
                check(bit in found, f"{kind.name}: feature {bit} is missing")
            for bit in kind.lacks:
                check(bit not in found, f"{kind.name}: feature {bit} is there")


@suite.case("port show says of each feature what became of it, and why")
def shown(on: Lab) -> None:
    def state(port: str, name: str) -> tuple[str, bool]:
        features = on.daemon.ctl.port(port)["guest"]["feature"]
        found = next(feature for feature in features if feature["name"] == name)
        return found["state"], bool(found.get("why"))

    for port, name, expected in (
            ("a0", "mergeable", "acknowledged"), ("a0", "packed", "offered"),
            ("a1", "packed", "acknowledged"), ("a2", "mergeable", "offered"),
            ("a3", "indirect", "offered"), ("a4", "event-index", "offered"),
            ("a5", "checksum", "offered"), ("a5", "tso", "offered"), ("a6", "tso", "offered"),
            ("a10", "packed", "disabled"), ("a10", "tso", "disabled")):
        check_equal(state(port, name), (expected, expected != "acknowledged"), f"{port}: {name}")


@suite.case("each kind of interface and a namespace: pings and TCP, both ways")
def with_namespace(on: Lab) -> None:
    for index, (kind, leg) in enumerate(zip(ONE, on.legs)):
        note(f"--- {kind.name}")
        ping(on.peer(index), leg, count=2)
        ping(leg, on.peer(index), count=2)
        tcp_transfer(on.peer(index), leg)
        tcp_transfer(leg, on.peer(index))


@suite.case("each kind of interface and another guest: pings and TCP, both ways")
def with_guest(on: Lab) -> None:
    for other in range(len(TWO)):
        for index, (kind, leg) in enumerate(zip(ONE, on.legs)):
            if other > 0 and index % 2 > 0:
                continue  # half of the pairs tell as much
            note(f"--- {kind.name} and {TWO[other].name}")
            partner = Leg(on.two, f"eth{other}", f"10.30.{index}.2")
            on.two.run(f"ip addr add {partner.ip}/24 dev {partner.ifname}")
            ping(leg, partner, count=1)
            tcp_transfer(leg, partner, size=1 << 20)
            tcp_transfer(partner, leg, size=1 << 20)
            on.two.run(f"ip addr del {partner.ip}/24 dev {partner.ifname}")


@suite.case("offloads toggled in the guest and in the namespace: TCP arrives whole")
def toggles(on: Lab) -> None:
    partner = Leg(on.two, "eth0", "10.30.0.2")
    on.two.run(f"ip addr add {partner.ip}/24 dev eth0")
    for index in (0, 1):  # split and packed
        leg, peer = on.legs[index], on.peer(index)
        for words in ETHTOOL:
            note(f"--- {ONE[index].name}: {words}")
            leg.run(f"ethtool -K {leg.ifname} {words}")
            tcp_transfer(leg, peer, size=1 << 20)
            tcp_transfer(peer, leg, size=1 << 20)
            if index == 0:
                tcp_transfer(leg, partner, size=1 << 20)
                tcp_transfer(partner, leg, size=1 << 20)
            leg.run(f"ethtool -K {leg.ifname} {words.replace('off', 'on')}")
    leg, peer = on.legs[0], on.peer(0)
    for words in ("tx off", "tso off gso off", "gro off"):
        note(f"--- namespace: {words}")
        peer.run(f"ethtool -K eth0 {words}")
        tcp_transfer(leg, peer, size=2 << 20)
        tcp_transfer(peer, leg, size=2 << 20)
        peer.run(f"ethtool -K eth0 {words.replace('off', 'on')}")
    on.two.run(f"ip addr del {partner.ip}/24 dev eth0")


@suite.case("frames of 9000 bytes, whole and as fragments")
def large(on: Lab) -> None:
    index = next(i for i, kind in enumerate(ONE) if kind.mtu > 1500)
    leg, peer = on.legs[index], on.peer(index)
    mtu = int(leg.run(f"cat /sys/class/net/{leg.ifname}/mtu"))
    check_equal(mtu, ONE[index].mtu, "MTU that the guest was told")
    for size in (8972, 20000):
        udp_stream(peer, leg, rate=100, seconds=0.5, size=size)
        udp_stream(leg, peer, rate=100, seconds=0.5, size=size)


@suite.case("queues that the guest turns on and off under traffic are followed")
def channels(on: Lab) -> None:
    index = next(i for i, kind in enumerate(ONE) if kind.queues > 1)
    leg, peer = on.legs[index], on.peer(index)
    for count in (1, 4, 3, 1, 2):
        stream = peer.start(f"{peer.trafgen} ping --to {leg.ip} --interval 5 --seconds 0.5")
        leg.run(f"ethtool -L {leg.ifname} combined {count}")
        shown = leg.run(f"ethtool -l {leg.ifname}")
        check_equal(re.findall(r"Combined:\s*(\d+)", shown), ["4", str(count)], "channels")
        stream.wait()
        tcp_transfer(peer, leg, size=1 << 20)
        tcp_transfer(leg, peer, size=1 << 20)


@suite.case("iperf3, both directions")
def figures(on: Lab) -> None:
    leg, peer = on.legs[0], on.peer(0)
    partner = Leg(on.two, "eth0", "10.30.0.2")
    on.two.run(f"ip addr add {partner.ip}/24 dev eth0")
    for src, dst in ((leg, peer), (leg, partner)):
        iperf(src, dst, seconds=1)
        iperf(src, dst, seconds=1, reverse=True)
    on.two.run(f"ip addr del {partner.ip}/24 dev eth0")


@suite.case("no ring was stopped, and nothing was dropped as invalid")
def healthy(on: Lab) -> None:
    for name, port in sorted(on.daemon.ctl.ports().items()):
        drops = on.daemon.ctl.drops(name)
        note(f"{name}: {port['oper-status']} {port.get('reason', '')} drops {drops}")
        check_equal(port["oper-status"], "up", name)
        for reason in drops:
            check(reason in ("tx-full", "no-rx-buffers", "mtu-exceeded", "guest-buffers"),
                  f"{name}: {drops}")


@suite.case("SIGTERM ends the switch within a second, guests or not")
def stop(on: Lab) -> None:
    status, seconds = on.daemon.terminate()
    note(f"ended after {seconds:.3f} s")
    check_equal(status, 0, "exit status")
    check(seconds < 1.0, f"stopping took {seconds:.2f} s")
    check(on.one.process.alive() and on.two.process.alive(), "a QEMU has ended")


if __name__ == "__main__":
    suite.main()
