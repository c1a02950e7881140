#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which frames a match means: for each field, frames that it does and that it does not."""

import ipaddress
import struct
from collections.abc import Sequence

from harness import Daemon, Suite, World, check_equal, note
from harness.frames import Packet, mac
from harness.wire import Patch

C_TAG, S_TAG = 0x8100, 0x88A8
IP6 = {"nw_src": "2001:db8::1", "nw_dst": "2001:db8::2"}
TCP, UDP, SCTP, ICMP = (Packet(proto=name) for name in ("tcp", "udp", "sctp", "icmp"))
TCP6, UDP6, SCTP6, ICMP6 = (Packet(proto=name, **IP6) for name in ("tcp", "udp", "sctp", "icmp6"))
OTHER = Packet(ethertype=0x9000, payload=bytes(46))


def arp(operation: int, sender: str, target: str, from_mac: str = "02:00:00:00:00:01",
        to_mac: str = "00:00:00:00:00:00") -> Packet:
    """An ARP message."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    body += mac(from_mac) + ipaddress.ip_address(sender).packed
    body += mac(to_mac) + ipaddress.ip_address(target).packed
    return Packet(ethertype=0x0806, payload=body + bytes(18))


def neighbor(kind: int, target: str, link: str = "", ttl: int = 255) -> Packet:
    """A solicitation (135) or advertisement (136)."""
    body = bytes(4) + ipaddress.ip_address(target).packed
    if link:
        body += bytes([1 if kind == 135 else 2, 1]) + mac(link)
    return ICMP6.but(icmp=(kind, 0), payload=body, ttl=ttl)


def tcp(flags: int, **fields: object) -> Packet:
    """A segment with these flags."""
    return TCP.but(flags=flags, **fields)


def tagged(*tcis: int) -> Packet:
    """In tags, outer first."""
    types = (C_TAG,) if len(tcis) == 1 else (S_TAG, C_TAG)
    return UDP.but(tags=tuple(zip(types, tcis)))


FIRST, LATER = UDP.but(fragment=(0, 24, True)), UDP.but(fragment=(24, 27, False))
REQUEST = arp(1, "10.0.0.1", "10.0.0.9")
REPLY = arp(2, "10.0.0.9", "10.0.0.1", to_mac="02:00:00:00:00:77")

CASES: tuple[tuple[str, Sequence[Packet], Sequence[Packet]], ...] = (
    ("in_port=p1", [UDP, REQUEST], []),
    ("in_port=p2", [], [UDP]),
    ("dl_src=02:00:00:00:00:01", [UDP], [UDP.but(src="02:00:00:00:00:03")]),
    ("dl_src=02:00:00:00:00:01/ff:ff:ff:ff:ff:fd", [UDP, UDP.but(src="02:00:00:00:00:03")],
     [UDP.but(src="02:00:00:00:00:02")]),
    ("dl_dst=01:00:00:00:00:00/01:00:00:00:00:00", [UDP.but(dst="ff:ff:ff:ff:ff:ff")], [UDP]),
    ("dl_type=0x9000", [OTHER, OTHER.but(tags=((C_TAG, 5),))], [UDP]),
    ("dl_vlan=10", [tagged(10), tagged(0xE00A), tagged(10, 11)], [UDP, tagged(11), tagged(11, 10)]),
    ("dl_vlan=0xffff", [UDP], [tagged(1), tagged(0)]),
    ("vlan", [tagged(1), tagged(0), tagged(0, 5)], [UDP]),
    ("dl_vlan=0", [tagged(0), tagged(0x6000)], [UDP, tagged(1)]),
    ("dl_vlan_pcp=3", [tagged(0x6005)], [UDP, tagged(0x4005)]),
    ("vlan_tci=0x1002/0x1002", [tagged(2), tagged(7)], [tagged(4), UDP]),
    ("vlan,inner_dl_vlan=20", [tagged(1, 20)], [tagged(20), tagged(20, 1), UDP]),
    ("vlan,inner_dl_vlan_pcp=1", [tagged(1, 0x2001)], [tagged(0x2001, 1)]),
    ("vlan,inner_vlan_tci=0", [tagged(1)], [tagged(1, 2), UDP]),
    ("ip", [UDP, TCP, LATER, tagged(4)], [UDP6, REQUEST, OTHER]),
    ("ipv6", [UDP6, ICMP6], [UDP, OTHER]),
    ("arp", [REQUEST, REPLY], [UDP, OTHER]),
    ("tcp", [TCP, TCP.but(fragment=(24, 27, False))], [UDP, TCP6, SCTP]),
    ("tcp6", [TCP6, TCP6.but(extensions=("hop", "route", "options"))], [TCP, UDP6]),
    ("sctp6", [SCTP6], [SCTP, UDP6]),
    ("icmp6", [ICMP6], [ICMP, UDP6]),
    ("ip,nw_proto=132", [SCTP], [UDP, SCTP6]),
    ("ip,nw_src=10.0.0.0/31", [UDP], [UDP.but(nw_src="10.0.0.2"), UDP6]),
    ("ip,nw_dst=0.0.0.2/0.0.0.255", [UDP, UDP.but(nw_dst="1.2.3.2")], [UDP.but(nw_dst="1.2.3.4")]),
    ("ipv6,ipv6_src=2001:db8::/64", [UDP6], [UDP6.but(nw_src="2001:db8:0:1::1")]),
    ("ipv6,ipv6_dst=::2/::f", [UDP6, UDP6.but(nw_dst="fe80::12")], [UDP6.but(nw_dst="fe80::21")]),
    ("ip,nw_tos=184", [UDP.but(tos=0xB8), UDP.but(tos=0xBB)], [UDP, UDP.but(tos=0xB4)]),
    ("ipv6,ip_dscp=46,nw_ecn=3", [UDP6.but(tos=0xBB)], [UDP6.but(tos=0xB8)]),
    ("ip,nw_ttl=64", [UDP], [UDP.but(ttl=63)]),
    ("ipv6,nw_ttl=1", [UDP6.but(ttl=1)], [UDP6]),
    ("ipv6,ipv6_label=0xabc/0xfff", [UDP6.but(label=0xFFABC)], [UDP6]),
    ("ip,ip_frag=no", [UDP], [FIRST, LATER]),
    ("ip,ip_frag=yes", [FIRST, LATER], [UDP]),
    ("ip,ip_frag=first", [FIRST], [UDP, LATER]),
    ("ip,ip_frag=later", [LATER], [UDP, FIRST]),
    ("ip,ip_frag=not_later", [UDP, FIRST], [LATER]),
    ("tcp,tp_dst=2222", [TCP, TCP.but(options=bytes([1] * 40))], [TCP.but(tp_dst=2223), UDP]),
    ("udp,tp_src=1024-1111", [UDP, UDP.but(tp_src=1024)], [UDP.but(tp_src=1023),
                                                           UDP.but(tp_src=1112), LATER]),
    ("udp6,tp_dst=0x8a0/0xfff0", [UDP6, UDP6.but(extensions=("options",))],
     [UDP6.but(tp_dst=0x8B0)]),
    ("sctp,tp_dst=2222", [SCTP], [SCTP.but(tp_dst=1)]),
    ("udp,tp_dst=0", [UDP.but(tp_dst=0)], [UDP, LATER]),
    ("tcp,tcp_flags=+syn-ack", [tcp(0x02), tcp(0xC2)], [tcp(0x12), tcp(0x10)]),
    ("tcp,tcp_flags=0x018", [tcp(0x18)], [tcp(0x10), tcp(0x19)]),
    ("icmp,icmp_type=8,icmp_code=0", [ICMP], [ICMP.but(icmp=(0, 0)), ICMP.but(icmp=(8, 1))]),
    ("icmp6,icmp_type=1,icmp_code=4", [ICMP6.but(icmp=(1, 4))], [ICMP6, ICMP6.but(icmp=(1, 3))]),
    ("arp,arp_op=1", [REQUEST], [REPLY]),
    ("arp,arp_spa=10.0.0.9", [REPLY], [REQUEST]),
    ("arp,nw_dst=10.0.0.0/29", [REPLY], [REQUEST]),
    ("arp,arp_sha=02:00:00:00:00:01,arp_tha=02:00:00:00:00:77", [REPLY], [REQUEST]),
    ("icmp6,icmp_type=135,nd_target=2001:db8::5", [neighbor(135, "2001:db8::5")],
     [neighbor(135, "2001:db8::6"), neighbor(136, "2001:db8::5")]),
    ("icmp6,icmp_type=135,nd_sll=02:00:00:00:00:05",
     [neighbor(135, "2001:db8::5", "02:00:00:00:00:05")],
     [neighbor(135, "2001:db8::5", "02:00:00:00:00:06"), neighbor(135, "2001:db8::5")]),
    ("icmp6,icmp_type=136,nd_tll=02:00:00:00:00:05",
     [neighbor(136, "2001:db8::5", "02:00:00:00:00:05")],
     [neighbor(136, "2001:db8::5", "02:00:00:00:00:06")]),
    ("reg0=0", [UDP], []),
    ("reg7=1/1", [], [UDP]),
    ("tun_id=0", [UDP], []),
    ("tun_id=1/1", [], [UDP]),
)


def lab(world: World) -> Patch:
    """A bridge with three taps."""
    return Patch(world, Daemon(world), ["p1", "p2", "p3"])


suite = Suite("flow match", lab)


@suite.case("each field alone, for frames that it means and others")
def each(on: Patch) -> None:
    for text, hits, misses in CASES:
        on.rules(f"priority=9,{text},actions=p2", "priority=1,actions=p3")
        on.expect([packet.frame() for packet in [*hits, *misses]],
                  {"p2": [packet.frame() for packet in hits],
                   "p3": [packet.frame() for packet in misses]}, text)
    note(f"{len(CASES)} matches")


@suite.case("all of them at once: the highest priority that matches decides")
def together(on: Patch) -> None:
    packets = list(dict.fromkeys(packet for _, hits, misses in CASES
                                 for packet in [*hits, *misses]))
    means = {text: set() for text, _, _ in CASES}
    frames = [packet.frame() for packet in packets]
    for text in means:
        on.rules(f"priority=9,{text},actions=p2", "priority=1,actions=drop")
        means[text] = set(on.exchange(frames)["p2"])
    names = list(means)
    for turn in range(5):
        names = names[turn + 1:] + names[:turn + 1][::-1]
        rules = [f"priority={1000 - n},{text},actions=mod_dl_dst:0e:00:00:00:00:{n:02x},p2"
                 for n, text in enumerate(names)]
        on.rules(*rules)
        wanted = []
        for packet, frame in zip(packets, frames):
            first = next(n for n, text in enumerate(names) if frame in means[text])
            wanted.append(packet.but(dst=f"0e:00:00:00:00:{first:02x}").frame())
        check_equal(on.exchange(frames)["p2"], wanted, f"order {turn}")
    note(f"{len(packets)} frames, {len(means)} rules")


if __name__ == "__main__":
    suite.main()
