#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What rules do to real frames: byte for byte, through taps, with sums that were computed anew."""

import itertools
from typing import Any

from harness import Daemon, Suite, World, check, check_equal, note
from harness.frames import Packet
from harness.wire import Patch

IP6 = {"nw_src": "2001:db8::1", "nw_dst": "2001:db8::2"}
C_TAG, S_TAG = 0x8100, 0x88A8
OTHER = ("p2", "p3", "p4")

PLAIN = {
    "tcp": Packet(proto="tcp"),
    "udp": Packet(),
    "udp without a sum": Packet(summed=False),
    "sctp": Packet(proto="sctp"),
    "icmp": Packet(proto="icmp"),
    "odd size": Packet(payload=b"x" * 1401),
    "ipv4 options": Packet(proto="tcp", options=bytes([1, 1, 1, 0])),
    "tcp6": Packet(proto="tcp", **IP6),
    "udp6": Packet(**IP6),
    "sctp6": Packet(proto="sctp", **IP6),
    "icmp6": Packet(proto="icmp6", **IP6),
    "tcp6 behind extensions": Packet(proto="tcp", extensions=("hop", "route", "options"), **IP6),
    "udp6 behind one extension": Packet(extensions=("options",), **IP6),
    "padded udp": Packet(payload=b"tiny", pad=14),
    "padded sctp": Packet(proto="sctp", payload=b"tiny", pad=10),
    "padded tcp6": Packet(proto="tcp", payload=b"", pad=3, **IP6),
    "sctp6 behind extensions": Packet(proto="sctp", extensions=("hop", "options"), **IP6),
    "udp6 with a segment left": Packet(via="2001:db8::9", **IP6),
    "tcp6 with a segment left": Packet(proto="tcp", via="2001:db8::9", extensions=("options",),
                                       **IP6),
    "tagged tcp": Packet(proto="tcp", tags=((C_TAG, 0xA00A),)),
    "udp6 in two tags": Packet(tags=((S_TAG, 7), (C_TAG, 8)), **IP6),
    "arp": Packet(ethertype=0x0806, payload=bytes(46)),
}


def lab(world: World) -> Patch:
    """A bridge with four taps."""
    return Patch(world, Daemon(world), ["p1", *OTHER])


suite = Suite("flows", lab)


def forget(on: Patch) -> None:
    """Forget the stations that an earlier case has shown to the bridge."""
    on.daemon.ctl("fdb", "flush", on.bridge)


@suite.case("output to one port, to several, back, to none")
def outputs(on: Patch) -> None:
    for name, packet in PLAIN.items():
        frame = packet.frame()
        for actions, ports in (("p2", ["p2"]), ("output:p4,p3", ["p3", "p4"]), ("in_port", ["p1"]),
                               ("in_port,p2,output:p3,output:p4", ["p1", *OTHER]), ("drop", []),
                               ("p2,p2", ["p2", "p2"])):
            on.rules(f"in_port=p1,actions={actions}")
            wanted = {port: [frame] * ports.count(port) for port in ports}
            on.expect(frame, wanted, f"{name}: {actions}")
    before = on.drops()
    on.rules("in_port=p1,actions=p1")
    on.expect([frame] * 3, {}, "a port's own frames")
    on.rules("in_port=p1,actions=drop")
    on.expect([frame] * 5, {}, "dropped frames")
    after = on.drops()
    check_equal(after["hairpin"] - before.get("hairpin", 0), 3, "drops/hairpin")
    check_equal(after["rule-drop"] - before.get("rule-drop", 0), 5, "drops/rule-drop")


@suite.case("normal learns and forwards, flood does not, a miss is normal")
def normal(on: Patch) -> None:
    one, two = PLAIN["udp"], Packet(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
    forget(on)
    for rules in (["actions=normal"], []):
        on.rules(*rules)
        on.expect(one.frame(), {port: [one.frame()] for port in OTHER}, "an unknown station")
        on.learn("p1", one)
        on.expect(two.frame(), {"p1": [two.frame()]}, "a known station", into="p3")
        on.learn("p3", two)
        on.expect(one.frame(), {"p3": [one.frame()]}, "a known station")
        forget(on)
    on.rules("actions=flood")
    for _ in range(2):
        on.expect(one.frame(), {port: [one.frame()] for port in OTHER}, "flood")
        on.expect(two.frame(), {port: [two.frame()] for port in ("p1", "p2", "p4")}, "flood",
                  into="p3")
    on.daemon.ctl("port", "set", "p2", "vlan=10")
    on.daemon.ctl("port", "set", "p4", "trunk=10,20")
    try:
        tagged = Packet(tags=((C_TAG, 10),))
        on.expect(tagged.frame(), {"p2": [one.frame()], "p3": [tagged.frame()],
                                   "p4": [tagged.frame()]}, "a VLAN's flood")
        on.rules("in_port=p1,actions=p2")
        on.expect(tagged.frame(), {"p2": [tagged.frame()]}, "output knows no VLANs")
    finally:
        on.daemon.ctl("port", "set", "p2", "vlan=")
        on.daemon.ctl("port", "set", "p4", "trunk=")


@suite.case("tags are pushed, popped and set")
def tags(on: Patch) -> None:
    none, one, two = (), ((C_TAG, 0xA00A),), ((S_TAG, 0x2064), (C_TAG, 0xA00A))
    cases = (
        ("push_vlan:0x8100", none, ((C_TAG, 0),)),
        ("push_vlan:0x88a8", one, ((S_TAG, 0), *one)),
        ("push_vlan:0x8100,set_vlan_vid:5,set_vlan_pcp:3", one, ((C_TAG, 0x6005), *one)),
        ("push_vlan:0x8100,push_vlan:0x88a8,set_vlan_vid:4095", none, ((S_TAG, 0xFFF), (C_TAG, 0))),
        ("push_vlan:0x8100,set_vlan_vid:7,pop_vlan", two, two),
        ("pop_vlan", none, none),
        ("pop_vlan", one, none),
        ("strip_vlan", two, one),
        ("pop_vlan,pop_vlan", two, none),
        ("pop_vlan,pop_vlan,pop_vlan", two, none),
        ("set_vlan_vid:4094", none, none),
        ("set_vlan_vid:4094", one, ((C_TAG, 0xAFFE),)),
        ("set_vlan_pcp:0", one, ((C_TAG, 0x000A),)),
        ("set_vlan_pcp:7", two, ((S_TAG, 0xE064), one[0])),
        ("mod_vlan_vid:99", none, ((C_TAG, 99),)),
        ("mod_vlan_vid:99", one, ((C_TAG, 0xA063),)),
        ("mod_vlan_pcp:1", none, ((C_TAG, 0x2000),)),
        ("mod_vlan_pcp:1", two, ((S_TAG, 0x2064), one[0])),
        ("set_field:0x1005->vlan_vid", one, ((C_TAG, 0xA005),)),
        ("pop_vlan,set_vlan_vid:3", two, ((C_TAG, 0xA003),)),
        ("pop_vlan,mod_vlan_vid:3,mod_vlan_pcp:3", one, ((C_TAG, 0x6003),)),
    )
    for (actions, old, new), base in itertools.product(cases, ("tcp", "udp6", "arp")):
        packet = PLAIN[base]
        on.rules(f"in_port=p1,actions={actions},p2")
        on.expect(packet.but(tags=old).frame(), {"p2": [packet.but(tags=new).frame()]},
                  f"{base} with {old}: {actions}")


@suite.case("an output sends the frame as it is then")
def order(on: Patch) -> None:
    packet = PLAIN["tcp"]
    on.rules("in_port=p1,tcp,actions=p2,mod_nw_src:192.0.2.1,dec_ttl,p3,push_vlan:0x8100,"
             "set_vlan_vid:6,mod_tp_dst:80,p4,in_port")
    third = packet.but(nw_src="192.0.2.1", ttl=63)
    fourth = third.but(tags=((C_TAG, 6),), tp_dst=80)
    on.expect([packet.frame()] * 40, {"p2": [packet.frame()] * 40, "p3": [third.frame()] * 40,
                                      "p4": [fourth.frame()] * 40, "p1": [fourth.frame()] * 40})


MAC_EDITS = (
    ("mod_dl_src:02:aa:bb:cc:dd:ee", {"src": "02:aa:bb:cc:dd:ee"}),
    ("mod_dl_dst:ff:ff:ff:ff:ff:ff", {"dst": "ff:ff:ff:ff:ff:ff"}),
    ("set_field:0e:00:00:00:00:70/0f:00:00:00:00:f0->eth_src", {"src": "0e:00:00:00:00:71"}),
    ("set_field:00:00:00:00:aa:00/00:00:00:00:ff:00->eth_dst", {"dst": "02:00:00:00:aa:02"}),
)
IP_EDITS = (
    ("mod_nw_tos:184", {"tos": 0xB8}),
    ("mod_nw_ecn:2", {"tos": 0x02}),
    ("mod_nw_ttl:255", {"ttl": 255}),
    ("mod_nw_ttl:1", {"ttl": 1}),
    ("set_field:46->ip_dscp,set_field:3->nw_ecn", {"tos": 0xBB}),
    ("dec_ttl", {"ttl": 63}),
    ("dec_ttl,dec_ttl", {"ttl": 62}),
)
IP4_EDITS = (
    ("mod_nw_src:192.0.2.255", {"nw_src": "192.0.2.255"}),
    ("mod_nw_dst:0.0.0.0", {"nw_dst": "0.0.0.0"}),
    ("mod_nw_src:172.16.0.1,mod_nw_dst:255.255.255.255",
     {"nw_src": "172.16.0.1", "nw_dst": "255.255.255.255"}),
    ("set_field:192.168.0.0/255.255.0.0->ip_src", {"nw_src": "192.168.0.1"}),
    ("set_field:0.0.0.99/0.0.0.255->ip_dst", {"nw_dst": "10.0.0.99"}),
    ("load:200->NXM_OF_IP_SRC[0..7]", {"nw_src": "10.0.0.200"}),
)
IP6_EDITS = (
    ("set_field:2001:db8:f::9->ipv6_src", {"nw_src": "2001:db8:f::9"}),
    ("set_field:fe80::ffff->ipv6_dst", {"nw_dst": "fe80::ffff"}),
    ("set_field:2001:db8:5::/ffff:ffff:ffff::->ipv6_src", {"nw_src": "2001:db8:5::1"}),
    ("set_field:::99/::ff->ipv6_dst", {"nw_dst": "2001:db8::99"}),
    ("load:0x77->NXM_NX_IPV6_SRC[0..15]", {"nw_src": "2001:db8::77"}),
)
PORT_EDITS = (
    ("mod_tp_src:0", {"tp_src": 0}),
    ("mod_tp_dst:65535", {"tp_dst": 65535}),
    ("mod_tp_src:5,mod_tp_dst:6", {"tp_src": 5, "tp_dst": 6}),
    ("set_field:0x1200/0xff00->{0}_src", {"tp_src": 0x1200 | 1111 & 0xFF}),
    ("set_field:7/0xf->{0}_dst", {"tp_dst": 2222 & ~0xF | 7}),
)
NEIGHBORS = (  # fields that share a byte or two with others
    ("mod_nw_tos:184", {"tos": 0xBA}),
    ("mod_nw_ecn:1", {"tos": 0x6D}),
    ("set_field:0->ip_dscp", {"tos": 0x02}),
    ("mod_nw_tos:0,mod_nw_ecn:3", {"tos": 0x03}),
    ("mod_vlan_vid:1", {"tags": ((C_TAG, 0xF001),)}),
    ("mod_vlan_pcp:0", {"tags": ((C_TAG, 0x1ABC),)}),
    ("set_field:0->vlan_pcp,load:0->NXM_OF_VLAN_TCI[0..11]", {"tags": ((C_TAG, 0x1000),)}),
)


def edits_of(packet: Packet) -> list[tuple[str, dict[str, Any]]]:
    """All that can be set in a packet."""
    edits = [*MAC_EDITS]
    if not packet.ethertype:
        edits += IP_EDITS
        edits += IP6_EDITS if packet.is_ip6 else IP4_EDITS
        if packet.proto in ("tcp", "udp", "sctp"):
            edits += [(text.format(packet.proto), new) for text, new in PORT_EDITS]
    return edits


def kind_of(packet: Packet) -> str:
    """The words of a match that the actions' fields belong to."""
    if packet.ethertype:
        return f"dl_type={packet.ethertype:#x}"
    if packet.proto in ("icmp", "icmp6") or not packet.is_ip6:
        return packet.proto
    return packet.proto + "6"


@suite.case("every field is set, sums are right")
def fields(on: Patch) -> None:
    count = 0
    for name, packet in PLAIN.items():
        for text, new in edits_of(packet):
            on.rules(f"in_port=p1,{kind_of(packet)},actions={text},p2,p4")
            wanted = [packet.but(**new).frame()]
            on.expect(packet.frame(), {"p2": wanted, "p4": wanted}, f"{name}: {text}")
            count += 1
    note(f"{count} edits")


@suite.case("a field is set, its neighbors stay")
def neighbors(on: Patch) -> None:
    for base, (text, new) in itertools.product(("tcp", "udp6"), NEIGHBORS):
        packet = PLAIN[base].but(tos=0x6E, label=0xABCDE, tags=((C_TAG, 0xFABC),))
        on.rules(f"in_port=p1,{kind_of(packet)},actions={text},p2")
        on.expect(packet.frame(), {"p2": [packet.but(**new).frame()]}, f"{base}: {text}")


@suite.case("many edits at once")
def all_fields(on: Patch) -> None:
    for name, packet in PLAIN.items():
        new: dict[str, Any] = {}
        texts = []
        for text, change in edits_of(packet):
            if not set(change) & set(new) and "load" not in text:
                texts.append(text)
                new |= change
        on.rules(f"in_port=p1,{kind_of(packet)},actions={','.join(texts)},p3,in_port")
        wanted = [packet.but(**new).frame()] * 3
        on.expect([packet.frame()] * 3, {"p3": wanted, "p1": wanted}, f"{name}: {texts}")


@suite.case("a sum that comes to zero is sent as UDP wants it")
def zero_sum(on: Patch) -> None:
    on.rules("in_port=p1,udp,actions=mod_tp_dst:4660,p2",
             "in_port=p1,udp6,actions=mod_tp_dst:4660,p2")
    for base in ("udp", "udp6"):
        target = PLAIN[base].but(tp_dst=4660, payload=bytes(4))
        frame = target.frame()
        at = 14 + (40 if target.is_ip6 else 20) + 6
        # What is missing to a sum of zero goes into the payload.
        filler = frame[at:at + 2]
        target = target.but(payload=filler + bytes(2))
        check_equal(target.frame()[at:at + 2], b"\xff\xff", "the sum to get")
        on.expect(target.but(tp_dst=9).frame(), {"p2": [target.frame()]}, base)


@suite.case("a TTL that ends drops the frame, and is counted")
def expiry(on: Patch) -> None:
    for base in ("udp", "tcp6", "icmp6"):
        packet = PLAIN[base]
        before = on.drops().get("ttl-expired", 0)
        on.rules("in_port=p1,actions=dec_ttl,p2")
        on.expect([packet.but(ttl=ttl).frame() for ttl in (0, 1, 2)],
                  {"p2": [packet.but(ttl=1).frame()]}, base)
        check_equal(on.drops()["ttl-expired"] - before, 2, "drops/ttl-expired")
        on.rules("in_port=p1,actions=p3,dec_ttl,p2")
        on.expect(packet.but(ttl=1).frame(), {"p3": [packet.but(ttl=1).frame()]}, base)
    arp = PLAIN["arp"].frame()
    on.rules("in_port=p1,actions=dec_ttl,p2")
    on.expect(arp, {"p2": [arp]}, "a frame without a TTL")


@suite.case("copies are cut")
def truncated(on: Patch) -> None:
    frame = Packet(proto="tcp", payload=bytes(range(256)) * 5).frame()
    for size in (14, 15, 60, 1000, len(frame), 65535):
        on.rules(f"in_port=p1,actions=output(port=p2,max_len={size}),p3")
        on.expect([frame] * 2, {"p2": [frame[:size]] * 2, "p3": [frame] * 2}, f"max_len={size}")
    on.rules("in_port=p1,tcp,actions=output(port=p2,max_len=64),mod_nw_src:1.2.3.4,p3")
    changed = Packet(proto="tcp", payload=bytes(range(256)) * 5, nw_src="1.2.3.4").frame()
    on.expect(frame, {"p2": [frame[:64]], "p3": [changed]}, "an edit behind a cut copy")


@suite.case("goto looks at the edited frame, registers carry on, a miss later is a drop")
def tables(on: Patch) -> None:
    packet = PLAIN["tcp"]
    on.rules("in_port=p1,tcp,nw_src=10.0.0.1,actions=mod_nw_src:10.9.9.9,set_field:0x105->reg3,"
             "mod_vlan_vid:7,goto_table:5",
             "table=5,priority=9,tcp,nw_src=10.0.0.1,actions=p4",
             "table=5,priority=8,tcp,nw_src=10.9.9.9,dl_vlan=7,reg3=0x100/0xf00,tp_dst=2222,"
             "actions=pop_vlan,load:2->reg3[0..7],goto_table:254",
             "table=254,vlan_tci=0,reg3=0x102,actions=p2",
             "table=254,priority=1,actions=p3")
    on.expect(packet.frame(), {"p2": [packet.but(nw_src="10.9.9.9").frame()]}, "all tables")
    before = on.drops().get("no-rule", 0)
    on.expect(packet.but(tp_dst=1).frame(), {}, "a miss in a later table")
    check_equal(on.drops()["no-rule"] - before, 1, "drops/no-rule")
    on.rules(*[f"table={n},{f'reg0={n},' if n else ''}actions=set_field:{n + 1}->reg0,"
               f"resubmit(,{n + 1})" for n in range(40)], "table=40,reg0=40,actions=dec_ttl,p2")
    on.expect(packet.frame(), {"p2": [packet.but(ttl=63).frame()]}, "41 tables")


FRAGMENTS = {  # of 1400 bytes behind IP
    "udp": Packet(payload=bytes(1392)),
    "tcp": Packet(proto="tcp", payload=bytes(1380)),
    "udp6": Packet(payload=bytes(1392), **IP6),
    "tcp6": Packet(proto="tcp", payload=bytes(1380), extensions=("hop",), **IP6),
}


@suite.case("fragments: ports are in the first only, edits keep the sum of the whole")
def fragments(on: Patch) -> None:
    for name, whole in FRAGMENTS.items():
        first, later, last = (whole.but(fragment=part) for part in
                              ((0, 800, True), (800, 400, True), (1200, 200, False)))
        kind = name if whole.is_ip6 else whole.proto
        on.rules(f"priority=9,in_port=p1,{kind},tp_dst=2222,actions=p2",
                 f"priority=8,in_port=p1,{kind},ip_frag=later,actions=p3", "priority=1,actions=p4")
        frames = [part.frame() for part in (first, later, last)]
        on.expect(frames, {"p2": frames[:1], "p3": frames[1:]}, name)
        on.rules(f"priority=9,in_port=p1,{kind},ip_frag=first,actions=p2",
                 f"priority=8,in_port=p1,{kind},ip_frag=no,actions=p3", "priority=1,actions=p4")
        on.expect([*frames, whole.frame()],
                  {"p2": frames[:1], "p3": [whole.frame()], "p4": frames[1:]}, name)
        address = "set_field:2001:db8::5->ipv6_src" if whole.is_ip6 else "mod_nw_src:10.0.0.5"
        new = {"nw_src": "2001:db8::5" if whole.is_ip6 else "10.0.0.5", "ttl": 63}
        on.rules(f"in_port=p1,{kind},actions={address},dec_ttl,mod_tp_dst:80,p2")
        wanted = [part.but(tp_dst=80, **new).frame() for part in (first, later, last)]
        on.expect(frames, {"p2": wanted}, f"{name}: edited")

    whole = Packet(proto="sctp", payload=bytes(1388))
    first, last = (whole.but(fragment=part) for part in ((0, 800, True), (800, 600, False)))
    on.rules("in_port=p1,sctp,actions=mod_nw_dst:10.0.0.6,p2,mod_tp_dst:80,p3")
    on.expect([first.frame(), last.frame()],
              {"p2": [first.but(nw_dst="10.0.0.6").frame(), last.but(nw_dst="10.0.0.6").frame()],
               "p3": [last.but(nw_dst="10.0.0.6").frame()]},
              "SCTP's sum covers what is not there, so the port of a first fragment stays")
    before = on.drops().get("edit-refused", 0)
    on.rules("in_port=p1,sctp,actions=mod_tp_dst:80,p3")
    on.expect([first.frame(), last.frame()], {"p3": [last.frame()]}, "nowhere to go")
    check_equal(on.drops()["edit-refused"] - before, 1, "drops/edit-refused")


if __name__ == "__main__":
    suite.main()
