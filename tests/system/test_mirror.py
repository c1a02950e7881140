#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Mirrors: which frames are copied, how, and that nothing is lost or doubled besides."""

import json

from harness import Daemon, Suite, World, check, check_equal
from harness.proc import wait_until

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


@suite.case("what cannot be mirrored is refused by name, and ports in use stay")
def refusals(on: Lab) -> None:
    _, daemon = on
    daemon.ctl("mirror", "del", "m", "--if-exists")
    for words, text in [
        (["output-port=p9", "source-port=p1"], "there is no port 'p9'"),
        (["output-port=probe", "source-port=p1,p9"], "there is no port 'p9'"),
        (["output-port=probe", "source-bridge=br9"], "there is no bridge 'br9'"),
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
