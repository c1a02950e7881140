#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Access lists, source guard, storm control and protected ports, through taps."""

import ipaddress
import struct
import time

from harness import Daemon, Suite, World, check, check_equal, note
from harness.frames import Packet, mac
from harness.wire import MARK_SOURCE, Patch

OTHER = ("p2", "p3", "p4")
WEB = Packet(proto="tcp", tp_dst=80)
SSH = Packet(proto="tcp", tp_dst=22)
DNS = Packet(tp_dst=53)
WEB6 = WEB.but(nw_src="2001:db8::1", nw_dst="2001:db8::2")
BROADCAST = Packet(dst="ff:ff:ff:ff:ff:ff", nw_dst="255.255.255.255")


def lab(world: World) -> Patch:
    """A bridge with four taps."""
    return Patch(world, Daemon(world), ["p1", *OTHER])


suite = Suite("policy", lab)


def fresh(on: Patch) -> None:
    """No policy at p1 and p2, whatever an earlier case has left; nobody is known."""
    keys = ("acl-in", "acl-out", "allowed-mac", "allowed-address", "storm-broadcast",
            "storm-multicast", "storm-unknown-unicast", "protected")
    for port in ("p1", "p2"):
        on.daemon.ctl("port", "set", port, *(f"{key}=" for key in keys))
    on.daemon.ctl("fdb", "flush", on.bridge)
    on.rules()


def to_all(*packets: Packet) -> dict[str, list[bytes]]:
    """These frames, at all ports but p1."""
    return {port: [packet.frame() for packet in packets] for port in OTHER}


def passes(on: Patch, packets: list[Packet], passing: list[Packet], what: str) -> None:
    """Of these from p1 those get to all ports."""
    on.expect([packet.frame() for packet in packets], to_all(*passing), what)


def count_of(on: Patch, port: str, reason: str) -> int:
    """A drop counter."""
    return on.daemon.ctl.drops(port).get(reason, 0)


@suite.case("an access list at the way in: entries in order, counters, default")
def acl_in(on: Patch) -> None:
    fresh(on)
    ctl = on.daemon.ctl
    mark = ("ethertype=0x88b5",)
    ctl("acl", "add", "in", "default-action=drop")
    ctl("acl", "rule", "add", "in", "mark", *mark, "forwarding=accept")
    ctl("acl", "rule", "add", "in", "web", "protocol=tcp", "destination-port=80",
        "forwarding=accept")
    ctl("port", "set", "p1", "acl-in=in")
    packets = [WEB, SSH, DNS, WEB6, WEB]
    before = count_of(on, "p1", "acl-denied")
    passes(on, packets, [WEB, WEB6, WEB], "tcp 80 may")
    check_equal(count_of(on, "p1", "acl-denied") - before, 2, "drops/acl-denied")
    ctl("acl", "rule", "add", "in", "net", "source-network=10.0.0.0/8", "protocol=tcp",
        "forwarding=drop", "--before", "web")
    passes(on, packets, [WEB6], "but not from 10.0.0.0/8")
    ctl("acl", "rule", "del", "in", "net")
    passes(on, packets, [WEB, WEB6, WEB], "without that entry")
    ctl("acl", "set", "in", "default-action=accept")
    ctl("acl", "rule", "set", "in", "web", "forwarding=drop")
    passes(on, packets, [SSH, DNS], "the other way around")
    on.expect([WEB.frame()], {port: [WEB.frame()] for port in ("p1", "p3", "p4")}, "from p2",
              into="p2")

    # The marks came by too; an entry that was changed counts from zero.
    wanted = ({"mark": 4, "web": 3}, 7)
    seen = None
    end = time.monotonic() + 3
    while seen != wanted:
        check(time.monotonic() < end, f"the entries' counters: expected {wanted}, got {seen}")
        acl = ctl.json("acl", "show", "in")["vswitch:vswitch"]["acl"][0]
        seen = ({ace["name"]: int(ace["matched-packets"]) for ace in acl["ace"]},
                int(acl["default-packets"]))
    ctl("port", "set", "p1", "acl-in=")
    passes(on, packets, packets, "without a list")
    ctl("acl", "del", "in")


@suite.case("an access list at the way out: of copies, also of those by rules")
def acl_out(on: Patch) -> None:
    fresh(on)
    ctl = on.daemon.ctl
    ctl("acl", "add", "out", "default-action=accept")
    ctl("acl", "rule", "add", "out", "web", "protocol=tcp", "destination-port=80-90",
        "forwarding=drop")
    ctl("port", "set", "p2", "acl-out=out")
    on.expect([WEB.frame(), DNS.frame()],
              {"p2": [DNS.frame()], "p3": [WEB.frame(), DNS.frame()],
               "p4": [WEB.frame(), DNS.frame()]}, "flooded")
    check_equal(count_of(on, "p2", "acl-egress-denied"), 1, "drops/acl-egress-denied")
    on.learn("p2", Packet(src=WEB.dst, dst=WEB.src))
    on.expect([WEB.frame(), DNS.frame()], {"p2": [DNS.frame()]}, "to a known station")
    check_equal(count_of(on, "p2", "acl-egress-denied"), 2, "drops/acl-egress-denied")
    on.rules("in_port=p1,tcp,actions=p2,mod_tp_dst:85,p2,mod_tp_dst:91,p2,p3")
    late = WEB.but(tp_dst=91).frame()
    on.expect(WEB.frame(), {"p2": [late], "p3": [late]}, "as the frame is then")
    check_equal(count_of(on, "p2", "acl-egress-denied"), 4, "drops/acl-egress-denied")
    refused = ctl.refused("acl", "del", "out")
    check("p2" in refused.text, refused.text)
    ctl("port", "set", "p2", "acl-out=")
    ctl("acl", "del", "out")


def arp(sender: str, address: str, src: str = "02:00:00:00:00:01") -> Packet:
    """A request with this sender."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac(sender)
    body += ipaddress.ip_address(address).packed + bytes(6) + bytes([10, 0, 0, 2])
    return Packet(src=src, dst="ff:ff:ff:ff:ff:ff", ethertype=0x0806, payload=body + bytes(18))


@suite.case("source guard: MAC and IP addresses, also in ARP")
def guard(on: Patch) -> None:
    fresh(on)
    good, other = "02:00:00:00:00:01", "02:00:00:00:00:66"
    on.daemon.ctl("port", "set", "p1", f"allowed-mac={good},{MARK_SOURCE}",
                  "allowed-address=10.0.0.1,2001:db8::/64")
    mine = [WEB, WEB6, arp(good, "10.0.0.1")]
    wrong = {
        "spoofed-mac": [WEB.but(src=other), arp(good, "10.0.0.1", src=other)],
        "spoofed-address": [WEB.but(nw_src="10.0.0.3"), WEB6.but(nw_src="2001:db8:1::1")],
        "spoofed-neighbor": [arp(other, "10.0.0.1"), arp(good, "10.0.0.3")],
    }
    before = {reason: count_of(on, "p1", reason) for reason in wrong}
    passes(on, mine + [packet for packets in wrong.values() for packet in packets], mine, "guarded")
    for reason, packets in wrong.items():
        check_equal(count_of(on, "p1", reason) - before[reason], len(packets), f"drops/{reason}")
    on.rules("priority=9,in_port=p1,actions=p4")
    on.expect([WEB.frame(), wrong["spoofed-mac"][0].frame()], {"p4": [WEB.frame()]},
              "rules come behind it")
    on.rules()
    on.daemon.ctl("port", "set", "p1", "allowed-mac=", "allowed-address=")
    everything = [packet for packets in wrong.values() for packet in packets]
    passes(on, everything, everything, "unguarded")


@suite.case("storm control: each kind has its rate")
def storm(on: Patch) -> None:
    fresh(on)
    kinds = {
        "broadcast": BROADCAST,
        "multicast": Packet(dst="01:00:5e:01:02:03", nw_dst="224.1.2.3"),
        "unknown-unicast": Packet(dst="02:00:00:00:99:99"),
    }
    on.daemon.ctl("port", "set", "p1", *(f"storm-{kind}=50" for kind in kinds))
    for kind, packet in kinds.items():
        before = count_of(on, "p1", f"storm-{kind}")
        start = time.monotonic()
        found = on.exchange([packet.frame()] * 400)
        took = time.monotonic() - start
        passed = len(found["p2"])
        dropped = count_of(on, "p1", f"storm-{kind}") - before
        note(f"{kind}: {passed} of 400 passed in {took * 1e3:.0f} ms")
        check_equal(passed + dropped, 400, f"{kind}: passed and dropped")
        check(1 <= passed <= 51 + 50 * took, f"{kind}: {passed} passed in {took:.3f} s at 50/s")
    known = Packet(src="02:00:00:00:99:99", dst="02:00:00:00:00:01")
    on.learn("p3", known)
    unicast = Packet(dst="02:00:00:00:99:99").frame()
    on.expect([unicast] * 400, {"p3": [unicast] * 400}, "known unicast has no limit")
    on.daemon.ctl("port", "set", "p1", *(f"storm-{kind}=" for kind in kinds))
    on.expect([BROADCAST.frame()] * 400, to_all(*[BROADCAST] * 400), "without limits")


@suite.case("protected ports reach the others only")
def protected(on: Patch) -> None:
    fresh(on)
    for port in ("p1", "p2"):
        on.daemon.ctl("port", "set", port, "protected=true")
    frame = BROADCAST.frame()
    # The mark is a rule's output, which protection stops as well.
    on.expect(frame, {"p3": [frame], "p4": [frame]}, "from p1", deaf=["p2"])
    on.expect(frame, {port: [frame] for port in ("p1", "p2", "p4")}, "from p3", into="p3")
    on.learn("p2", Packet(src="02:00:00:00:00:02", dst="02:00:00:00:00:01"), deaf=["p1"])
    before = count_of(on, "p2", "protected-port") + count_of(on, "p1", "protected-port")
    on.expect(Packet().frame(), {}, "a known station behind p2", deaf=["p2"])
    after = count_of(on, "p2", "protected-port") + count_of(on, "p1", "protected-port")
    check(after > before, "drops/protected-port")
    on.daemon.ctl("port", "set", "p1", "protected=false")
    found = on.exchange(Packet().frame())
    check_equal(found["p2"], [Packet().frame()], "what p2 got when p1 is free")


if __name__ == "__main__":
    suite.main()
