#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Mirrors: which frames are copied, how, and that nothing is lost or doubled besides."""

import json

from harness import Daemon, Suite, World, check, check_equal, note, tap, tcp_transfer
from harness.books import check_books, traffic
from harness.frames import Packet, mac
from harness.proc import wait_until
from harness.wire import MARK_SOURCE, Patch, Wire

BROADCAST = "ffffffffffff" + "020000000001" + "88b5" + "00" * 46
LARGE = "ffffffffffff" + "020000000001" + "88b5" + "00" * 1486


def tagged(vlan: int) -> str:
    return "ffffffffffff" + "020000000002" + f"8100{vlan:04x}" + "88b5" + "00" * 60


Lab = tuple[World, Daemon]


def lab(world: World) -> Lab:
    """An access port, a trunk, and a port of no bridge to look with."""
    daemon = Daemon(world)
    daemon.ctl("bridge", "add", "br0")
    daemon.ctl("port", "add", "p1", "type=fake", "bridge=br0", "vlan=10")
    daemon.ctl("port", "add", "p2", "type=fake", "bridge=br0", "trunk=10-20")
    daemon.ctl("port", "add", "probe", "type=fake")
    return world, daemon


suite = Suite("mirror", lab)


def iterations(daemon: Daemon) -> int:
    """Loops of the worker."""
    path = '{"path": "/vswitch:vswitch/system/worker"}'
    tree = json.loads(daemon.ctl("call", "get", path))
    return int(tree["vswitch:vswitch"]["system"]["worker"][0]["iterations"])


def pass_frame(daemon: Daemon, port: str, frame: str) -> dict[str, list[str]]:
    """What comes out of each port, once the frame has been received."""
    before = daemon.ctl.counter(port, "rx-packets")
    daemon.ctl("fake", "inject", port, frame)
    wait_until("it is received", lambda: daemon.ctl.counter(port, "rx-packets") == before + 1)
    loops = iterations(daemon)
    wait_until("its burst has ended", lambda: iterations(daemon) > loops + 1)
    return {name: daemon.ctl("fake", "collect", name).split() for name in daemon.ctl.ports()}


def mirror(daemon: Daemon, *leaves: str) -> None:
    """Make this the only mirror."""
    daemon.ctl("mirror", "del", "m", "--if-exists")
    daemon.ctl("mirror", "add", "m", "output-port=probe", *leaves)


@suite.case("what a port receives is copied as it came, what it sends as it leaves")
def directions(on: Lab) -> None:
    _, daemon = on
    mirror(daemon, "source-port=p2")
    out = pass_frame(daemon, "p2", tagged(10))
    check_equal((out["probe"], len(out["p1"])), ([tagged(10)], 1), "received")
    check_equal(pass_frame(daemon, "p1", BROADCAST)["probe"], [], "sent, but not asked for")
    mirror(daemon, "source-port=p2", "direction=tx")
    out = pass_frame(daemon, "p1", BROADCAST)
    check_equal(out["probe"], out["p2"], "sent, with its tag")
    check_equal(out["p2"][0][24:32], "8100000a", "the tag")
    check_equal(pass_frame(daemon, "p2", tagged(10))["probe"], [], "received, but not asked for")
    mirror(daemon, "source-port=p1,p2", "direction=both")
    out = pass_frame(daemon, "p1", BROADCAST)
    check_equal(out["probe"], [BROADCAST, out["p2"][0]], "both")


@suite.case("a bridge's frames are there once; ports that join are mirrored, live changes hold")
def of_bridge(on: Lab) -> None:
    _, daemon = on
    mirror(daemon, "source-bridge=br0")
    check_equal(pass_frame(daemon, "p1", BROADCAST)["probe"], [BROADCAST], "of p1")
    daemon.ctl("port", "add", "p3", "type=fake", "bridge=br0", "vlan=10")
    check_equal(pass_frame(daemon, "p3", LARGE)["probe"], [LARGE], "of a port that has come")
    daemon.ctl("mirror", "set", "m", "enabled=false")
    check_equal(pass_frame(daemon, "p1", BROADCAST)["probe"], [], "while it is disabled")
    daemon.ctl("mirror", "set", "m", "enabled=true", "truncate=64")
    check_equal(pass_frame(daemon, "p3", LARGE)["probe"], [LARGE[:128]], "cut")
    shown = daemon.ctl.json("mirror", "show", "m")["vswitch:vswitch"]["mirror"][0]
    check_equal((shown["packets"], shown["bytes"], shown["drops"]), ("1", "64", "0"), "counts")
    daemon.ctl("port", "del", "p3")
    check_equal(pass_frame(daemon, "p1", LARGE)["p2"][0][32:], LARGE[24:], "the frame itself")


@suite.case("VLANs choose, whether the frame has a tag or not")
def by_vlan(on: Lab) -> None:
    _, daemon = on
    mirror(daemon, "source-bridge=br0", "source-vlan=10,15-16")
    check_equal(pass_frame(daemon, "p1", BROADCAST)["probe"], [BROADCAST], "VLAN 10 of p1")
    check_equal(pass_frame(daemon, "p2", tagged(16))["probe"], [tagged(16)], "VLAN 16")
    check_equal(pass_frame(daemon, "p2", tagged(17))["probe"], [], "VLAN 17")


@suite.case("copies are lost by name, are never copied again, and hold up nobody")
def losses(on: Lab) -> None:
    _, daemon = on
    daemon.ctl("port", "set", "probe", "mtu=1000")
    mirror(daemon, "source-port=p1")
    before = daemon.ctl.drops("probe").get("mtu-exceeded", 0)
    out = pass_frame(daemon, "p1", LARGE)
    check_equal((out["probe"], len(out["p2"])), ([], 1), "too long for the probe")
    check_equal(daemon.ctl.drops("probe")["mtu-exceeded"], before + 1, "its drops")
    shown = daemon.ctl.json("mirror", "show", "m")["vswitch:vswitch"]["mirror"][0]
    check_equal((shown["packets"], shown["drops"]), ("1", "1"), "counts of the mirror")
    # Two that point at each other, and at a port that is in the bridge.
    daemon.ctl("mirror", "set", "m", "output-port=p2", "source-port=p1", "direction=both")
    daemon.ctl("mirror", "add", "n", "output-port=p1", "source-port=p2", "direction=both")
    out = pass_frame(daemon, "p1", BROADCAST)
    check_equal((out["p1"], len(out["p2"])), ([out["p2"][1]], 2), "of two mirrors")
    daemon.ctl("mirror", "del", "n")


WEB = Packet(proto="tcp", tp_dst=80)
WEB6 = WEB.but(nw_src="2001:db8::1", nw_dst="2001:db8::2")
LONG = b"x" * 1200
# Frames, and whether a list that accepts web pages accepts them.
MIXED: list[tuple[Packet, bool]] = [
    (WEB, True),
    (WEB.but(tp_dst=22), False),
    (Packet(tp_dst=80), False),
    (WEB6, True),
    (WEB6.but(tp_dst=443), False),
    (WEB.but(nw_src="10.9.0.1"), False),
    (WEB.but(options=b"\x01" * 8), True),
    (WEB.but(payload=LONG), True),
    (WEB.but(payload=LONG, fragment=(0, 800, True)), True),
    (WEB.but(payload=LONG, fragment=(800, 400, False)), False),
    (WEB6.but(payload=LONG, fragment=(0, 800, True)), True),
    (WEB6.but(payload=LONG, fragment=(800, 400, False)), False),
    (WEB6.but(extensions=("hop", "route", "options")), True),
    (WEB6.but(extensions=("options",) * 8), True),
    (WEB6.but(extensions=("options",) * 9), False),
    (WEB.but(tags=((0x8100, 5),)), True),
    (WEB.but(tags=((0x88A8, 5), (0x8100, 6))), True),
    (WEB.but(tags=((0x88A8, 5), (0x8100, 6), (0x8100, 7))), False),
    (WEB.but(ethertype=0x1234), False),
    (WEB.but(dst="ff:ff:ff:ff:ff:ff", pad=7), True),
]


def web_list(daemon: Daemon) -> None:
    """Access list web."""
    ctl = daemon.ctl
    ctl("acl", "add", "web")
    ctl("acl", "rule", "add", "web", "bad", "source-network=10.9.0.0/16", "forwarding=drop")
    ctl("acl", "rule", "add", "web", "http", "protocol=tcp", "destination-port=80-90",
        "forwarding=accept")


def state_of(daemon: Daemon, name: str) -> dict[str, str]:
    """A mirror as it is shown."""
    return daemon.ctl.json("mirror", "show", name)["vswitch:vswitch"]["mirror"][0]


class Bench:
    """Two taps in a bridge, and one that only looks."""

    def __init__(self, world: World) -> None:
        self.daemon = Daemon(world)
        self.patch = Patch(world, self.daemon, ["t1", "t2"])
        self.daemon.ctl("bridge", "add", "aside")
        self.probe = Wire(world, self.daemon, "probe", bridge="aside")
        web_list(self.daemon)

    def seen(self) -> list[bytes]:
        """What has come to the probe besides marks; copies go there before the frame goes on."""
        frames = []
        self.probe.raw.setblocking(False)
        try:
            while True:
                frames.append(self.probe.receive())
        except BlockingIOError:
            return [frame for frame in frames if frame[6:12] != mac(MARK_SOURCE)]

    def pass_all(self, frames: list[bytes], copies: list[bytes], what: str) -> None:
        """These go from t1 to t2, and exactly these to the probe."""
        self.patch.expect(frames, {"t2": frames}, what, into="t1")
        got = self.seen()
        if got != copies:
            check_equal([frame.hex() for frame in got], [frame.hex() for frame in copies], what)


@suite.case("an access list chooses, frame by frame, on real interfaces")
def by_list(on: Lab) -> None:
    world, _ = on
    bench = Bench(world)
    ctl = bench.daemon.ctl
    rounds = 20
    frames = [packet.frame() for packet, _ in MIXED] * rounds
    accepted = [packet.frame() for packet, meant in MIXED if meant] * rounds
    bench.patch.rules()
    before = traffic(bench.daemon)
    for port, way in (("t1", "rx"), ("t2", "tx")):
        ctl("mirror", "add", way, f"source-port={port}", f"direction={way}", "source-acl=web",
            "output-port=probe")
        bench.pass_all(frames, accepted, way)
        shown = state_of(bench.daemon, way)
        check_equal(int(shown["packets"]), len(accepted), f"{way}: packets")
        check_equal(int(shown["bytes"]), sum(map(len, accepted)), f"{way}: bytes")
        check_equal(shown["drops"], "0", f"{way}: drops")
        ctl("mirror", "set", way, "enabled=false")
    # Once to t2 (and marks to both), and the mirrors' copies.
    now = traffic(bench.daemon)
    received, sent = (now[name] - before[name] for name in ("received", "sent"))
    marks = received - 2 * len(frames)
    check_equal(sent, 2 * (len(frames) + len(accepted)) + 2 * marks, "sent")
    check_books(bench.daemon)
    acl = ctl.json("acl", "show", "web")["vswitch:vswitch"]["acl"][0]
    check_equal([ace["matched-packets"] for ace in acl["ace"]] + [acl["default-packets"]],
                ["0"] * 3, "counters of the list, which no port has")


@suite.case("sent frames are matched as they leave; lists change under a mirror")
def by_list_live(on: Lab) -> None:
    world, _ = on
    bench = Bench(world)
    ctl = bench.daemon.ctl
    ssh, web = WEB.but(tp_dst=22), WEB.but(tp_dst=80)
    ctl("mirror", "add", "m", "source-port=t2", "direction=tx", "source-acl=web",
        "output-port=probe")
    bench.patch.rules("in_port=t1,tcp,tp_dst=22,actions=mod_tp_dst:85,t2",
                      "in_port=t1,tcp,tp_dst=80,actions=mod_tp_dst:22,t2")
    late = ssh.but(tp_dst=85).frame()
    bench.patch.expect([ssh.frame(), web.frame()], {"t2": [late, ssh.frame()]}, "edited",
                       into="t1")
    check_equal(bench.seen(), [late], "the one that has left for port 85")
    bench.patch.rules()
    ctl("mirror", "set", "m", "source-port=t1", "direction=rx", "truncate=64")
    frames = [ssh.frame(), web.frame()]
    bench.pass_all(frames, [web.frame()[:64]], "cut")
    ctl("acl", "rule", "set", "web", "http", "destination-port=22")
    bench.pass_all(frames, [ssh.frame()[:64]], "another port")
    ctl("acl", "set", "web", "default-action=accept")
    bench.pass_all(frames, [frame[:64] for frame in frames], "all")
    ctl("acl", "rule", "set", "web", "http", "forwarding=drop")
    bench.pass_all(frames, [web.frame()[:64]], "all but that")
    ctl("port", "set", "t1", "acl-in=web")
    bench.patch.expect(frames, {"t2": [web.frame()]}, "the list at the port as well", into="t1")
    check_equal(bench.seen(), [web.frame()[:64]], "the same list says the same")
    for words, text in [
        (["acl", "del", "web"], "used by 1 port: t1"),
        (["mirror", "set", "m", "source-acl=wep"], "did you mean 'web'"),
        (["mirror", "add", "n", "source-acl=web", "output-port=probe"], "needs ports"),
    ]:
        check(text in ctl.refused(*words).text, f"{words}: {ctl.refused(*words).text}")
    ctl("port", "set", "t1", "acl-in=")
    refusal = ctl.refused("acl", "del", "web").text
    check("access list 'web' is named by mirror m" in refusal, refusal)
    check("t1 acl web" in ctl("mirror", "show"), ctl("mirror", "show"))
    ctl("mirror", "del", "m")
    ctl("acl", "del", "web")


@suite.case("large segments of TCP are matched by their headers, and none is lost in the books")
def by_list_large(on: Lab) -> None:
    world, _ = on
    daemon = Daemon(world)
    ctl, size = daemon.ctl, 30 << 20
    ctl("bridge", "add", "br0")
    one, two = tap(world, daemon, "t1", "10.0.0.1"), tap(world, daemon, "t2", "10.0.0.2")
    ctl("bridge", "add", "aside")
    Wire(world, daemon, "probe", bridge="aside")
    for name, rule in (("tcp", "protocol=tcp"), ("udp", "protocol=udp")):
        ctl("acl", "add", name)
        ctl("acl", "rule", "add", name, "x", rule, "forwarding=accept")
        ctl("mirror", "add", name, "source-bridge=br0", "direction=both", f"source-acl={name}",
            "output-port=probe")
    tcp_transfer(one, two, size=size)

    def quiet() -> bool:
        return len({state_of(daemon, name)["seen-packets"] for name in ("tcp", "udp", "tcp")}) == 1

    wait_until("the last answers have passed", quiet, 5)
    shown, other = state_of(daemon, "tcp"), state_of(daemon, "udp")
    note(f"{shown['packets']} copies of {int(shown['bytes']) >> 20} MiB, {shown['drops']} lost")
    check(int(shown["bytes"]) > 2 * size, f"received and sent: {shown}")
    check_equal(other["packets"], "0", "copies of UDP")
    check_books(daemon)


@suite.case("what cannot be mirrored is refused by name, and ports in use stay")
def refusals(on: Lab) -> None:
    _, daemon = on
    daemon.ctl("mirror", "del", "m", "--if-exists")
    for words, text in [
        (["output-port=p9", "source-port=p1"], "there is no port 'p9'"),
        (["output-port=probe", "source-port=p1,p9"], "there is no port 'p9'"),
        (["output-port=probe", "source-bridge=br9"], "there is no bridge 'br9'"),
        (["output-port=probe", "source-port=p1", "source-acl=nix"], "there is no acl 'nix'"),
        (["output-port=probe"], "set 'source-port' or 'source-bridge'"),
        (["output-port=p1", "source-port=p1"], "is the mirror's output"),
        (["output-port=probe", "source-port=p1", "truncate=10"], "64..65535"),
        (["output-port=probe", "source-port=p1", "source-vlan=20-10"], "runs backwards"),
        (["output-port=probe", "source-port=p1", "direction=up"], "direction"),
        (["source-port=p1"], "output-port"),
    ]:
        refusal = daemon.ctl.refused("mirror", "add", "x", *words)
        check(text in refusal.text, f"{words}: {refusal.text}")
    mirror(daemon, "source-port=p1")
    refusal = daemon.ctl.refused("port", "del", "p1")
    check("is named by mirror m" in refusal.text, refusal.text)
    daemon.ctl("mirror", "del", "m")
    daemon.ctl("port", "del", "p1")
    check("no mirrors" in daemon.ctl("mirror", "show"), "what is left")


if __name__ == "__main__":
    suite.main()
